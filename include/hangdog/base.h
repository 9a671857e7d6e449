/* Attributes, tri-state facts and small helpers that every room uses.  Nothing here does I/O. */
#ifndef HANGDOG_BASE_H
#define HANGDOG_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HD_MUST_CHECK __attribute__((warn_unused_result))
#define HD_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define HD_UNUSED __attribute__((unused))
#define HD_CLEAN(fn) __attribute__((cleanup(fn)))
#define HD_COUNTOF(a) (sizeof(a) / sizeof((a)[0]))

#define HD_NS_PER_US INT64_C(1000)
#define HD_NS_PER_MS INT64_C(1000000)
#define HD_NS_PER_S INT64_C(1000000000)

/* Our own bugs only, never input.  Stays on in release: a SEIZE tracer that dies lets its tracees run on. */
#define HD_ASSERT(e) assert(e)

/* A fact that may be missing.  Unknown is never good enough for a proof. */
enum hd_tri { HD_UNKNOWN = 0, HD_NO = 1, HD_YES = 2 };

/* Of texts that may be missing. */
static inline bool hd_text_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static inline bool hd_begins_with_any(const char *text, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strncmp(text, list[i], strlen(list[i])) == 0)
			return true;
	}
	return false;
}

/* The last part of a path; "" stays "". */
static inline const char *hd_path_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

static inline void hd_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The descriptor, out of the hands of its cleanup. */
HD_MUST_CHECK static inline int hd_steal_fd(int *fd)
{
	int stolen = *fd;
	*fd = -1;
	return stolen;
}

static inline void hd_free_ptr(void *p)
{
	free(*(void **)p);
}

#define HD_CLEAN_FD HD_CLEAN(hd_close_fd)
#define HD_CLEAN_PTR HD_CLEAN(hd_free_ptr)

#endif
