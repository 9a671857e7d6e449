#include "hangdog/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/buf.h"
#include "hangdog/num.h"
#include "hangdog/threads.h"
#include "hangdog/vec.h"
#include "os/procfile.h"

enum {
	MAPS_MAX = 64 << 20, /* some 600,000 mappings */
	CMDLINE_MAX = 128 << 10,
	ARGS_MAX = 4096,
	PATH_CAP = 4400,
};

/* A task that has died shows in many ways; callers want one. */
static int gone(int err)
{
	return err == ENOENT || err == ESRCH || err == ENOTDIR ? -ESRCH : -err;
}

static int open_fmt(int flags, const char *fmt, va_list ap)
{
	char path[PATH_CAP];
	if (vsnprintf(path, sizeof(path), fmt, ap) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
	return fd < 0 ? gone(errno) : fd;
}

ssize_t hd_procfile_pread(int fd, char *buf, size_t cap)
{
	size_t len = 0;
	while (len < cap - 1) {
		ssize_t n = pread(fd, buf + len, cap - 1 - len, (off_t)len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return gone(errno);
		len += (size_t)n;
		/* The files read here are shown whole at once (fs/proc single_open), so a short read is the end. */
		if (len < cap - 1)
			break;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

ssize_t hd_procfile_read(char *buf, size_t cap, const char *path_fmt, ...)
{
	va_list ap;
	va_start(ap, path_fmt);
	HD_CLEAN_FD int fd = open_fmt(0, path_fmt, ap);
	va_end(ap);
	return fd < 0 ? fd : hd_procfile_pread(fd, buf, cap);
}

int hd_procfile_stat(int32_t pid, int32_t tid, struct hd_stat *ret)
{
	char text[1024];
	ssize_t n = hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/stat", pid, tid);
	return n < 0 ? (int)n : hd_stat_parse(text, ret);
}

int hd_procfile_tasks(int32_t pid)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? gone(errno) : fd;
}

int hd_procfile_task_open(int task_fd, int32_t tid, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "%d/%s", tid, name);
	int fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? gone(errno) : fd;
}

int hd_procfile_stat_at(int task_fd, int32_t tid, struct hd_stat *ret)
{
	char text[1024];
	HD_CLEAN_FD int fd = hd_procfile_task_open(task_fd, tid, "stat");
	ssize_t n = fd < 0 ? fd : hd_procfile_pread(fd, text, sizeof(text));
	return n < 0 ? (int)n : hd_stat_parse(text, ret);
}

int hd_procfile_status(int32_t pid, int32_t tid, struct hd_task_status *ret)
{
	char text[8192];
	ssize_t n = hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/status", pid, tid);
	return n < 0 ? (int)n : hd_status_parse(text, ret);
}

void hd_procfile_comm(int32_t pid, char *ret, size_t cap)
{
	if (hd_procfile_read(ret, cap, "/proc/%d/comm", pid) <= 0)
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	for (char *p = ret; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			*p = '?';
	}
}

int hd_procfile_numbers(hd_number_fn *fn, void *ctx, const char *path_fmt, ...)
{
	va_list ap;
	va_start(ap, path_fmt);
	int fd = open_fmt(O_DIRECTORY, path_fmt, ap);
	va_end(ap);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL)
		return fd < 0 ? fd : -errno;
	int r = 0;
	const struct dirent *entry;
	for (errno = 0; r == 0 && (entry = readdir(dir)) != NULL; errno = 0) {
		uint64_t number;
		if (hd_parse_u64(entry->d_name, 10, &number) == 0 && number <= INT32_MAX)
			r = fn(ctx, (int32_t)number);
	}
	if (r == 0 && errno != 0)
		r = gone(errno);
	closedir(dir);
	return r;
}

/* Reads to the end or to `max` bytes; seq files give a page at a time. */
static int read_all(int fd, size_t max, struct hd_buf *out)
{
	char chunk[65536];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return gone(errno);
		if (n == 0)
			return 0;
		if ((size_t)n > max - out->len)
			return -EFBIG;
		hd_buf_add(out, chunk, (size_t)n);
	}
}

int hd_procfs_text(struct hd_arena *arena, size_t max, char **ret, size_t *ret_len, const char *path_fmt, ...)
{
	va_list ap;
	va_start(ap, path_fmt);
	HD_CLEAN_FD int fd = open_fmt(0, path_fmt, ap);
	va_end(ap);
	if (fd < 0)
		return fd;
	HD_CLEAN_BUF struct hd_buf buf = {0};
	int r = read_all(fd, max, &buf);
	if (r < 0)
		return r;
	*ret = hd_arena_strn(arena, hd_buf_text(&buf), buf.len);
	*ret_len = buf.len;
	return 0;
}

int hd_procfs_maps(int32_t pid, struct hd_arena *arena, struct hd_maps *ret)
{
	char path[PATH_CAP];
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	HD_CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return gone(errno);
	HD_CLEAN_BUF struct hd_buf buf = {0};
	int r = read_all(fd, MAPS_MAX, &buf);
	return r < 0 ? r : hd_maps_parse(hd_buf_text(&buf), arena, ret);
}

const char *const *hd_procfs_argv(int32_t pid, struct hd_arena *arena)
{
	char *text;
	size_t len;
	if (hd_procfs_text(arena, CMDLINE_MAX, &text, &len, "/proc/%d/cmdline", pid) < 0)
		return HD_NEW_N(arena, 1, const char *);
	size_t n = 0;
	for (size_t i = 0; i < len && n < ARGS_MAX; i += strlen(text + i) + 1)
		n++;
	const char **argv = HD_NEW_N(arena, n + 1, const char *);
	for (size_t i = 0, at = 0; i < n; i++, at += strlen(text + at) + 1)
		argv[i] = text + at;
	return argv;
}

int hd_procfs_start(int32_t pid, int32_t tid, uint64_t *ret_start)
{
	struct hd_stat stat;
	int r = hd_procfile_stat(pid, tid, &stat);
	if (r == 0)
		*ret_start = stat.start;
	return r;
}

char hd_procfs_state(int32_t pid)
{
	struct hd_stat stat;
	return hd_procfile_stat(pid, pid, &stat) == 0 ? stat.state : '\0';
}

/* ---- the tree -------------------------------------------------------------------------------------------------- */

struct kin {
	int32_t pid, ppid; /* ppid -1: not read (yet); 0: kernel threads and the first process have no part in any tree */
	bool in_tree;
};
struct kins { /* by pid, as /proc lists them */
	struct kin *at;
	size_t n, cap;
};

static int by_pid(const void *a, const void *b)
{
	int32_t x = ((const struct kin *)a)->pid, y = ((const struct kin *)b)->pid;
	return (x > y) - (x < y);
}

static struct kin *find_kin(const struct kins *kins, int32_t pid)
{
	const struct kin key = {.pid = pid};
	return kins->n != 0 ? bsearch(&key, kins->at, kins->n, sizeof(key), by_pid) : NULL;
}

static int add_kin(void *ctx, int32_t pid)
{
	struct kins *kins = ctx;
	HD_VEC_PUSH(kins, (struct kin){.pid = pid, .ppid = -1});
	return 0;
}

static void read_kin(void *ctx, uint32_t sharer, uint32_t i)
{
	struct kin *kin = &((struct kins *)ctx)->at[i];
	struct hd_stat stat;
	(void)sharer;
	if (kin->ppid < 0 && hd_procfile_stat(kin->pid, kin->pid, &stat) == 0)
		kin->ppid = (stat.flags & HD_STAT_KTHREAD) != 0 ? 0 : stat.ppid;
}

/* A pid may be smaller than its parent's (pids wrap), so mark until nothing changes. */
static size_t mark_tree(struct kins *kins, int32_t root)
{
	size_t marked = 0, before;
	do {
		before = marked;
		for (size_t i = 0; i < kins->n; i++) {
			struct kin *kin = &kins->at[i];
			if (kin->in_tree)
				continue;
			const struct kin *parent = kin->ppid > 0 ? find_kin(kins, kin->ppid) : NULL;
			kin->in_tree = kin->pid == root || (parent != NULL && parent->in_tree);
			marked += kin->in_tree;
		}
	} while (marked != before);
	return marked;
}

/* What the pass before read of those who are still there need not be read again: unless somebody went, for whose children
 * another process may stand in now. */
static void keep_known(struct kins *kins, const struct kins *before)
{
	size_t kept = 0;
	for (size_t i = 0; i < kins->n; i++)
		kept += find_kin(before, kins->at[i].pid) != NULL;
	for (size_t i = 0; i < kins->n && kept == before->n; i++) {
		const struct kin *known = find_kin(before, kins->at[i].pid);
		if (known != NULL)
			kins->at[i].ppid = known->ppid;
	}
}

static int scan_tree(int32_t root, const struct kins *before, struct kins *kins, size_t *ret_marked)
{
	int r = hd_procfile_numbers(add_kin, kins, "/proc");
	if (r < 0)
		return r;
	bool is_listed = false;
	for (size_t i = 0; i < kins->n; i++)
		is_listed |= kins->at[i].pid == root;
	/* Seen under load: the listing, or its stat, passes over a process in the middle of an exec. */
	if (!is_listed)
		add_kin(kins, root);
	qsort(kins->at, kins->n, sizeof(*kins->at), by_pid);
	keep_known(kins, before);
	hd_share((uint32_t)kins->n, read_kin, kins);
	*ret_marked = mark_tree(kins, root);
	const struct kin *self = find_kin(kins, root);
	return self != NULL && self->ppid >= 0 ? 0 : -ESRCH;
}

static void release_kins(struct kins *kins)
{
	HD_VEC_RELEASE(kins);
}

int hd_procfs_tree(int32_t root, struct hd_arena *arena, int32_t **ret_pids, size_t *ret_n)
{
	enum { PASSES_MAX = 8 }; /* a tree that grows for ever is taken as the last pass saw it */
	HD_CLEAN(release_kins) struct kins kins = {0};
	size_t marked = 0, before = SIZE_MAX;
	for (int pass = 0; pass < PASSES_MAX && marked != before; pass++) {
		HD_CLEAN(release_kins) struct kins last = kins;
		kins = (struct kins){0};
		before = pass == 0 ? SIZE_MAX : marked;
		int r = scan_tree(root, &last, &kins, &marked);
		if (r < 0)
			return r;
	}
	int32_t *pids = HD_NEW_N(arena, marked, int32_t);
	size_t n = 0;
	pids[n++] = root;
	for (size_t i = 0; i < kins.n; i++) {
		if (kins.at[i].in_tree && kins.at[i].pid != root)
			pids[n++] = kins.at[i].pid;
	}
	*ret_pids = pids;
	*ret_n = n;
	return 0;
}
