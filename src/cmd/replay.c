/* hangdog replay FILE: decide again from a recorded snapshot.  The same path as live, from hd_decide on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/once.h"
#include "cmd/say.h"
#include "hangdog/snapshot_io.h"

/* More than any snapshot within the caps of snapshot.h, less than what makes a machine swap. */
#define FILE_MAX_BYTES ((size_t)2 << 30)

static int fail_read(struct hd_err *err, const char *path, int code)
{
	return hd_err_set(err, code, "%.200s: cannot be read: %s: give the snapshot.hds of an incident, or its folder", path, strerror(code));
}

/* FILE, or the snapshot in an incident's folder; "-" is stdin. */
static int open_snapshot(const char *path, struct hd_err *err)
{
	struct stat st;
	if (strcmp(path, "-") == 0)
		return STDIN_FILENO;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		int inside = openat(fd, "snapshot.hds", O_RDONLY | O_CLOEXEC | O_NOCTTY);
		int code = errno;
		close(fd);
		errno = code;
		fd = inside;
	}
	return fd >= 0 ? fd : fail_read(err, path, errno);
}

static int read_all(int fd, const char *path, struct hd_buf *ret, struct hd_err *err)
{
	char part[65536];
	for (;;) {
		ssize_t n = read(fd, part, sizeof(part));
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_read(err, path, errno);
		if (ret->len + (size_t)n > FILE_MAX_BYTES)
			return hd_err_set(err, EFBIG, "%.200s: larger than any snapshot: give the snapshot.hds of an incident", path);
		hd_buf_add(ret, part, (size_t)n);
	}
}

int hd_replay_load(const char *path, struct hd_snapshot **ret, struct hd_err *err)
{
	struct hd_buf text HD_CLEAN_BUF = {0};
	struct hd_err inner = {0};
	int fd = open_snapshot(path, err);
	if (fd < 0)
		return fd;
	int rc = read_all(fd, path, &text, err);
	if (fd != STDIN_FILENO)
		close(fd);
	if (rc != 0)
		return rc;
	rc = hd_snapshot_read(hd_buf_text(&text), text.len, ret, &inner);
	return rc != 0 ? hd_err_set(err, -rc, "%.200s: %.300s", path, inner.text) : 0;
}

int hd_cmd_replay(const struct hd_options *options)
{
	struct hd_snapshot *snap;
	struct hd_case c;
	struct hd_err err = {0};
	if (hd_replay_load(options->operands[0], &snap, &err) != 0) {
		hd_say("%s", err.text);
		return HD_EXIT_ERROR;
	}
	hd_case_init(&c, snap);
	int status = hd_once_print(&c, options);
	hd_case_release(&c);
	return status;
}
