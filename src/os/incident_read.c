/* The incidents that lie in a directory: naming, reading and removing them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hangdog/incident.h"
#include "hangdog/vec.h"

#define REPORT_MAX_BYTES ((off_t)1 << 30)

/* "20261124T085912.123Z-4242-1": nothing else is ever listed, read or removed. */
static bool is_id(const char *name)
{
	static const char shape[] = "ddddddddTdddddd.dddZ-";
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		if (shape[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != shape[i])
			return false;
	}
	const char *rest = name + sizeof(shape) - 1;
	return *rest != '\0' && rest[strspn(rest, "0123456789-")] == '\0';
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int hd_incident_list(const char *dir, struct hd_arena *arena, const char *const **ret_ids, size_t *ret_n, struct hd_err *err)
{
	HD_VEC(const char *) ids = {0};
	DIR *stream = opendir(dir);
	if (stream == NULL && errno != ENOENT)
		return hd_err_set(err, errno, "%.200s: cannot be read: %s: name another place with --incident-dir", dir, strerror(errno));
	for (struct dirent *e; stream != NULL && (e = readdir(stream)) != NULL;) {
		if (is_id(e->d_name))
			HD_VEC_PUSH(&ids, hd_arena_str(arena, e->d_name));
	}
	if (stream != NULL)
		closedir(stream);
	if (ids.n != 0)
		qsort(ids.at, ids.n, sizeof(*ids.at), by_text);
	*ret_ids = hd_arena_dup(arena, ids.at, ids.n * sizeof(*ids.at));
	*ret_n = ids.n;
	HD_VEC_RELEASE(&ids);
	return 0;
}

int hd_incident_find(const char *dir, const char *text, struct hd_arena *arena, const char **ret_id, struct hd_err *err)
{
	const char *const *ids, *found = NULL;
	size_t n, len = strlen(text), matches = 0;
	int rc = hd_incident_list(dir, arena, &ids, &n, err);
	if (rc != 0)
		return rc;
	if (n != 0 && strcmp(text, "last") == 0) {
		*ret_id = ids[n - 1];
		return 0;
	}
	for (size_t i = 0; i < n && len != 0; i++) {
		if (strncmp(ids[i], text, len) != 0)
			continue;
		found = ids[i];
		matches++;
		if (ids[i][len] == '\0') {
			matches = 1;
			break;
		}
	}
	if (matches > 1)
		return hd_err_set(err, ENOTUNIQ, "%.60s: %zu incidents begin like that: give more of the id", text, matches);
	if (found == NULL)
		return hd_err_set(err, ENOENT, "%.60s: no such incident in %.200s: 'hangdog incidents' lists them", text, dir);
	*ret_id = found;
	return 0;
}

int hd_incident_read(const char *dir, const char *id, const char *name, struct hd_arena *arena, const char **ret_text, struct hd_err *err)
{
	const char *path = hd_arena_printf(arena, "%s/%s/%s", dir, id, name);
	struct stat st;
	int fd HD_CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0)
		return hd_err_set(err, errno, "%.300s: cannot be read: %s: 'hangdog incidents' lists those that can", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size > REPORT_MAX_BYTES)
		return hd_err_set(err, EINVAL, "%.300s: is no file that hangdog wrote: remove the incident", path);
	char *text = HD_NEW_N(arena, (size_t)st.st_size + 1, char);
	size_t len = 0;
	for (ssize_t n; len < (size_t)st.st_size && (n = read(fd, text + len, (size_t)st.st_size - len)) != 0;) {
		if (n < 0 && errno != EINTR)
			return hd_err_set(err, errno, "%.300s: cannot be read: %s: 'hangdog incidents' lists those that can", path, strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	}
	*ret_text = text;
	return 0;
}

int hd_incident_remove(const char *dir, const char *id, struct hd_err *err)
{
	static const char *const names[] = {"report.json", "report.txt", "snapshot.hds"};
	int parent HD_CLEAN_FD = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!is_id(id))
		return hd_err_set(err, EINVAL, "%.60s: is no incident id", id);
	int fd HD_CLEAN_FD = parent >= 0 ? openat(parent, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (fd < 0)
		return hd_err_set(err, errno, "%.200s/%.60s: cannot be opened: %s", dir, id, strerror(errno));
	for (size_t i = 0; i < HD_COUNTOF(names); i++) {
		if (unlinkat(fd, names[i], 0) != 0 && errno != ENOENT)
			return hd_err_set(err, errno, "%.200s/%.60s/%s: cannot be removed: %s", dir, id, names[i], strerror(errno));
	}
	if (unlinkat(parent, id, AT_REMOVEDIR) != 0)
		return hd_err_set(err, errno, "%.200s/%.60s: cannot be removed: %s: hangdog removes only what it wrote", dir, id, strerror(errno));
	return 0;
}

int hd_incident_prune(const char *dir, size_t keep, size_t *ret_removed, struct hd_err *err)
{
	struct hd_arena *arena = hd_arena_new();
	const char *const *ids;
	size_t n = 0, removed = 0;
	int rc = hd_incident_list(dir, arena, &ids, &n, err);
	for (size_t i = 0; rc == 0 && i + keep < n; i++) {
		rc = hd_incident_remove(dir, ids[i], err);
		removed += rc == 0;
	}
	hd_arena_free(arena);
	*ret_removed = removed;
	return rc;
}
