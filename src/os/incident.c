#include "hangdog/incident.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hangdog/timetext.h"

const char *hd_incident_dir(const char *option, struct hd_arena *arena)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (option != NULL)
		return hd_arena_str(arena, option);
	/* The XDG specification: a relative path is to be ignored. */
	if (state != NULL && state[0] == '/')
		return hd_arena_printf(arena, "%s/hangdog", state);
	if (home != NULL && home[0] == '/')
		return hd_arena_printf(arena, "%s/.local/state/hangdog", home);
	return NULL;
}

const char *hd_incident_id(int64_t time_ns, int32_t root, struct hd_arena *arena)
{
	static unsigned made; /* several incidents of one supervisor within a millisecond */
	return hd_arena_printf(arena, "%s-%" PRId32 "-%u", hd_time_compact(time_ns).text, root, ++made);
}

static int fail(struct hd_err *err, int code, const char *path, const char *doing)
{
	static const struct {
		int code;
		const char *remedy;
	} remedies[] = {
		{ENOSPC, "the disk is full: free some space, or choose another place with --incident-dir or --report"},
		{EDQUOT, "your disk quota is used up: free some space, or choose another place with --incident-dir or --report"},
		{EACCES, "you may not write there: choose another place with --incident-dir or --report"},
		{EPERM, "you may not write there: choose another place with --incident-dir or --report"},
		{EROFS, "the file system is read-only: choose another place with --incident-dir or --report"},
		{ENOTDIR, "a part of the path is not a directory: choose another place with --incident-dir or --report"},
		{ENOENT, "a directory of the path is missing: create it"},
		{EISDIR, "it is a directory: give the name of a file"},
		{ENXIO, "it is a pipe that nobody reads: start its reader first"},
	};
	for (size_t i = 0; i < HD_COUNTOF(remedies); i++) {
		if (remedies[i].code == code)
			return hd_err_set(err, code, "%.200s: cannot %s: %s", path, doing, remedies[i].remedy);
	}
	return hd_err_set(err, code, "%.200s: cannot %s: %s", path, doing, strerror(code));
}

/* All of `text`, safe on the disk; the file is closed on every path. */
static int write_and_close(int fd, const char *text, size_t len)
{
	int rc = 0;
	while (rc == 0 && len > 0) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			rc = -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	/* EINVAL, EROFS: a pipe or special file, which has nothing to sync. */
	if (rc == 0 && fsync(fd) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
		rc = -errno;
	if (close(fd) != 0 && rc == 0 && errno != EINTR)
		rc = -errno;
	return rc;
}

static int write_at(int dir_fd, const char *name, const char *text, size_t len)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : write_and_close(fd, text, len);
}

/* mkdir -p, new directories with mode 0700. */
static int make_dirs(const char *path)
{
	char part[4096];
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof(part))
		return len == 0 ? -ENOENT : -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return -errno;
	}
	struct stat st;
	return stat(path, &st) != 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int hd_dirs_make(const char *path, struct hd_err *err)
{
	int rc = make_dirs(path);
	return rc != 0 ? fail(err, -rc, path, "create the directory") : 0;
}

static const struct {
	const char *name;
	size_t at; /* in struct hd_incident_files */
} contents[] = {
	{"report.json", offsetof(struct hd_incident_files, json)},
	{"report.txt", offsetof(struct hd_incident_files, text)},
	{"snapshot.hds", offsetof(struct hd_incident_files, snapshot)},
};

static void remove_half(int parent_fd, const char *name)
{
	int fd HD_CLEAN_FD = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	for (size_t i = 0; fd >= 0 && i < HD_COUNTOF(contents); i++)
		(void)unlinkat(fd, contents[i].name, 0);
	(void)unlinkat(parent_fd, name, AT_REMOVEDIR);
}

static int fill_folder(int parent_fd, const char *name, const struct hd_incident_files *files)
{
	if (mkdirat(parent_fd, name, 0700) != 0)
		return -errno;
	int fd HD_CLEAN_FD = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < HD_COUNTOF(contents); i++) {
		const char *text = *(const char *const *)(const void *)((const char *)files + contents[i].at);
		int rc = text != NULL ? write_at(fd, contents[i].name, text, strlen(text)) : 0;
		if (rc != 0)
			return rc;
	}
	return fsync(fd) != 0 && errno != EINVAL ? -errno : 0;
}

/* The finished folder gets its name.  An incident that is there already (its action has a result now) is exchanged, and
 * the old one goes.  File systems that know neither (old NFS) can only give it a new name. */
static int take_name(int fd, const char *half, const char *id)
{
	if (renameat2(fd, half, fd, id, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST && renameat2(fd, half, fd, id, RENAME_EXCHANGE) == 0) {
		remove_half(fd, half);
		return 0;
	}
	return renameat(fd, half, fd, id) == 0 ? 0 : -errno;
}

int hd_incident_write(const char *dir, const char *id, const struct hd_incident_files *files, struct hd_arena *arena,
		      const char **ret_path, struct hd_err *err)
{
	const char *path = hd_arena_printf(arena, "%s/%s", dir, id);
	const char *half = hd_arena_printf(arena, ".%s.%d.tmp", id, (int)getpid());
	int rc = make_dirs(dir);
	if (rc != 0)
		return fail(err, -rc, dir, "create the incident directory");
	int fd HD_CLEAN_FD = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, errno, dir, "open the incident directory");
	rc = fill_folder(fd, half, files);
	if (rc == 0)
		rc = take_name(fd, half, id);
	if (rc != 0) {
		remove_half(fd, half);
		return fail(err, -rc, path, "write the incident");
	}
	(void)fsync(fd); /* the name; the incident is complete without it, should the machine not fall over */
	*ret_path = path;
	return 0;
}

/* A pipe, a terminal or /dev/null cannot be replaced, only written to.  Never waits for a reader: the guard must go on. */
static int write_special(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : write_and_close(fd, text, len);
}

int hd_file_replace(const char *path, const char *text, size_t len, struct hd_err *err)
{
	struct stat st;
	bool exists = stat(path, &st) == 0;
	if (exists && S_ISDIR(st.st_mode))
		return fail(err, EISDIR, path, "write the file");
	if (exists && !S_ISREG(st.st_mode)) {
		int rc = write_special(path, text, len);
		return rc != 0 ? fail(err, -rc, path, "write the file") : 0;
	}
	char half[4096], target[4096];
	/* A symbolic link stays, and what it points to is replaced. */
	const char *real = exists && realpath(path, target) != NULL ? target : path;
	int n = snprintf(half, sizeof(half), "%s.%d.tmp", real, (int)getpid());
	if (n < 0 || (size_t)n >= sizeof(half))
		return fail(err, ENAMETOOLONG, path, "write the file");
	/* Left over by an earlier process with this pid. */
	(void)unlink(half);
	int fd = open(half, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	int rc = fd < 0 ? -errno : write_and_close(fd, text, len);
	if (rc == 0 && exists)
		(void)chmod(half, st.st_mode & 0777);
	if (rc == 0 && rename(half, real) != 0)
		rc = -errno;
	if (rc != 0) {
		(void)unlink(half);
		return fail(err, -rc, path, "write the file");
	}
	return 0;
}
