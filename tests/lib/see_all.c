/* Preloaded into hangdog where process 1 cannot be looked into (sandboxes): its descriptors and mappings are those of the
 * process SEE_ALL then, which holds nothing.  So that the tests can try there what `attach` and `why` do on a machine where
 * everything is in sight. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *other(const char *path, char *buf, size_t cap)
{
	static const char *const hidden[] = {"/proc/1/task/1/", "/proc/1/"};
	const char *pid = getenv("SEE_ALL");
	for (size_t i = 0; pid != NULL && i < 2; i++) {
		size_t n = strlen(hidden[i]);
		const char *rest = path + n;
		if (strncmp(path, hidden[i], n) != 0 || (strncmp(rest, "fd", 2) != 0 && strcmp(rest, "maps") != 0))
			continue;
		snprintf(buf, cap, "/proc/%s/%s", pid, rest);
		return buf;
	}
	return path;
}

int open(const char *path, int flags, ...)
{
	char buf[256];
	va_list ap;
	va_start(ap, flags);
	mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return openat(AT_FDCWD, other(path, buf, sizeof(buf)), flags, mode);
}

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	return open(path, flags);
}

ssize_t readlink(const char *path, char *out, size_t cap)
{
	char buf[256];
	return readlinkat(AT_FDCWD, other(path, buf, sizeof(buf)), out, cap);
}

int statx(int dir, const char *path, int flags, unsigned mask, struct statx *out)
{
	char buf[256];
	static int (*next)(int, const char *, int, unsigned, struct statx *);
	if (next == NULL)
		next = (int (*)(int, const char *, int, unsigned, struct statx *))dlsym(RTLD_NEXT, "statx");
	return next(dir, other(path, buf, sizeof(buf)), flags, mask, out);
}
