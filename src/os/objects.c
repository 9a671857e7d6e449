/* What a thread waits on, as objects: the descriptors of its call, and for epoll sets what is registered in them
 * (reference, ptrace.md section 2.2). */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "os/draft.h"
#include "os/procfile.h"
#include "parse/proc_misc.h"

enum {
	NR_POLL = 7,
	NR_FCNTL = 72,
	NR_SELECT = 23,
	NR_PSELECT6 = 270,
	NR_PPOLL = 271,
	POLL_MAX = 4096,  /* more descriptors in one call are not looked up */
	NEST_MAX = 5,     /* epoll in epoll: kernel EP_MAX_NESTS is 4 */
	FDINFO_MAX = 1 << 20,
};

/* ---- the table of objects -------------------------------------------------------------------------------------------- */

static struct hd_object_id identity(enum hd_obj_kind kind, uint64_t id, uint32_t dev_major, uint32_t dev_minor)
{
	return (struct hd_object_id){(uint64_t)kind, id, (uint64_t)dev_major << 32 | dev_minor};
}

/* Spread only; who finds one compares the whole. */
static uint64_t key_of(const struct hd_object_id *id)
{
	return id->id ^ id->dev << 20 ^ id->kind << 56;
}

uint32_t hd_draft_object_find(const struct hd_draft *d, enum hd_obj_kind kind, uint64_t id, uint32_t dev_major, uint32_t dev_minor)
{
	struct hd_object_id want = identity(kind, id, dev_major, dev_minor);
	const struct hd_object_entry *entry = hd_table_find(&d->object_index, key_of(&want));
	while (entry != NULL && (entry->id.kind != want.kind || entry->id.id != want.id || entry->id.dev != want.dev))
		entry = hd_table_again(entry);
	return entry != NULL ? entry->object : HD_NONE;
}

uint32_t hd_draft_object(struct hd_draft *d, enum hd_obj_kind kind, uint64_t id, uint32_t dev_major, uint32_t dev_minor)
{
	uint32_t o = hd_draft_object_find(d, kind, id, dev_major, dev_minor);
	if (o != HD_NONE)
		return o;
	if (d->objects.n >= HD_OBJECTS_MAX) {
		hd_draft_truncate(d, "more objects than hangdog looks at");
		return HD_NONE;
	}
	o = (uint32_t)d->objects.n;
	HD_VEC_PUSH(&d->objects, (struct hd_object){.kind = kind, .id = id, .dev_major = dev_major, .dev_minor = dev_minor,
						    .label = "", .peer = HD_NONE, .timer_ns = -1});
	HD_VEC_PUSH(&d->objects_more, (struct hd_draft_object){.pid = 0, .fd = -1});
	struct hd_object_entry *entry = HD_NEW(d->arena, struct hd_object_entry);
	entry->id = identity(kind, id, dev_major, dev_minor);
	entry->object = o;
	hd_table_add(&d->object_index, key_of(&entry->id), entry);
	return o;
}

void hd_draft_outside(struct hd_draft *d, uint32_t o, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	if (o == HD_NONE || d->objects.at[o].outside != NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->objects.at[o].outside = hd_arena_str(d->arena, text);
}

void hd_draft_unseen(struct hd_draft *d, uint32_t o, const char *why)
{
	if (o == HD_NONE || d->objects.at[o].outside != NULL)
		return;
	hd_draft_outside(d, o, "%s", why);
	d->objects.at[o].is_unseen = true;
}

/* ---- one descriptor ---------------------------------------------------------------------------------------------------- */

struct slot {
	struct hd_draft *d;
	uint32_t t;          /* whose table it is in */
	int32_t pid, tid, fd;
	const char *link;    /* arena */
	struct hd_fd_link kind;
	struct hd_fdinfo info;
	const char *info_text; /* arena, NULL = not readable */
	bool wants_data, wants_room;
	unsigned depth;
};

static bool read_slot(struct slot *s)
{
	char path[64], link[4096];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/fd/%d", s->pid, s->tid, s->fd);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return false;
	link[n] = '\0';
	s->link = hd_arena_str(s->d->arena, link);
	s->kind = hd_fd_link_parse(link);
	char *text;
	size_t len;
	bool ok = hd_procfs_text(s->d->arena, FDINFO_MAX, &text, &len, "/proc/%d/task/%d/fdinfo/%d", s->pid, s->tid, s->fd) == 0 &&
		  hd_fdinfo_parse(text, &s->info) == 0;
	s->info_text = ok ? text : NULL;
	return ok;
}

/* Follows the descriptor without asking a server for fresh attributes. */
static bool stat_slot(const struct slot *s, struct statx *ret)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/fd/%d", s->pid, s->tid, s->fd);
	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, ret) == 0;
}

/* What has no number of its own: known by the descriptor it was met as. */
static uint32_t own_object(struct slot *s, enum hd_obj_kind kind)
{
	uint32_t o = hd_draft_object(s->d, kind, (uint64_t)s->pid << 32 | (uint32_t)s->fd, 0, 0);
	if (o != HD_NONE) {
		s->d->objects_more.at[o].pid = s->tid;
		s->d->objects_more.at[o].fd = s->fd;
	}
	return o;
}

/* Polling an end waits for the other end only. */
static void narrow_by_mode(struct slot *s)
{
	uint32_t mode = s->info.flags & O_ACCMODE;
	s->wants_data &= mode != O_WRONLY;
	s->wants_room &= mode != O_RDONLY;
}

static uint32_t pipe_object(struct slot *s)
{
	narrow_by_mode(s);
	return hd_draft_object(s->d, HD_OBJ_PIPE, s->kind.ino, 0, 0);
}

static uint32_t socket_object(struct slot *s)
{
	return hd_draft_socket(s->d, s->t, s->fd, s->kind.ino);
}

static uint32_t eventfd_object(struct slot *s)
{
	if (!s->info.has_eventfd_id)
		return HD_NONE;
	uint32_t o = hd_draft_object(s->d, HD_OBJ_EVENTFD, s->info.eventfd_id, 0, 0);
	if (o != HD_NONE && s->info.eventfd_count > 0 && s->wants_data)
		s->d->objects.at[o].is_ready = true;
	return o;
}

static uint32_t timerfd_object(struct slot *s)
{
	uint32_t o = own_object(s, HD_OBJ_TIMERFD);
	if (o == HD_NONE)
		return o;
	s->d->objects.at[o].timer_ns = s->info.timer_ns;
	s->d->objects.at[o].is_ready = s->info.timer_ticks > 0;
	return o;
}

static uint32_t pidfd_object(struct slot *s)
{
	if (s->info.pidfd_pid <= 0)
		return HD_NONE;
	return hd_draft_object(s->d, HD_OBJ_PIDFD, (uint64_t)s->info.pidfd_pid, 0, 0);
}

static uint32_t signal_object(struct slot *s)
{
	uint32_t o = own_object(s, s->kind.kind);
	hd_draft_outside(s->d, o, "whoever may send it a signal could end this wait");
	return o;
}

static uint32_t inotify_object(struct slot *s)
{
	uint32_t o = own_object(s, s->kind.kind);
	hd_draft_outside(s->d, o, "whoever changes a watched file could end this wait");
	return o;
}

static uint32_t other_object(struct slot *s)
{
	uint32_t o = own_object(s, HD_OBJ_OTHER);
	hd_draft_outside(s->d, o, "hangdog does not know who can act on %s", s->link);
	return o;
}

enum {
	TTY_FIRST = 136, /* pseudo terminals: majors 136 to 143 */
	TTY_LAST = 143,
	TTY_MAJOR = 4,
	TTYAUX_MAJOR = 5,
};

static uint32_t path_object(struct slot *s)
{
	struct statx st;
	if (!stat_slot(s, &st))
		return HD_NONE;
	uint32_t major = st.stx_rdev_major, o;
	switch (st.stx_mode & S_IFMT) {
	case S_IFIFO:
		narrow_by_mode(s);
		o = hd_draft_object(s->d, HD_OBJ_FIFO, st.stx_ino, st.stx_dev_major, st.stx_dev_minor);
		if (!s->kind.is_deleted)
			hd_draft_outside(s->d, o, "whoever opens the FIFO %s could end this wait", s->link);
		return o;
	case S_IFCHR:
	case S_IFBLK:
		if ((major >= TTY_FIRST && major <= TTY_LAST) || major == TTY_MAJOR || major == TTYAUX_MAJOR) {
			o = hd_draft_object(s->d, HD_OBJ_TTY, st.stx_ino, major, st.stx_rdev_minor);
			hd_draft_outside(s->d, o, "somebody at the terminal %s could type", s->link);
			return o;
		}
		o = hd_draft_object(s->d, HD_OBJ_DEVICE, st.stx_ino, major, st.stx_rdev_minor);
		hd_draft_outside(s->d, o, "the device %s could answer", s->link);
		return o;
	default:
		o = hd_draft_object(s->d, HD_OBJ_FILE, st.stx_ino, st.stx_dev_major, st.stx_dev_minor);
		hd_draft_outside(s->d, o, "the file system could answer");
		return o;
	}
}

static uint32_t slot_object(struct slot *s);

/* The registered number may name another file by now (dup, close, open).  Pipes and sockets have inodes of their own;
 * all other kinds share one, and only the kernel can compare the files. */
static bool is_same_file(const struct slot *set, const struct slot *watched, const struct hd_fd_watch *watch)
{
	struct kcmp_epoll_slot at = {.efd = (uint32_t)set->fd, .tfd = (uint32_t)watch->fd, .toff = 0};
	long r = syscall(SYS_kcmp, set->tid, set->tid, KCMP_EPOLL_TFD, watch->fd, &at);
	if (r >= 0)
		return r == 0;
	return watched->kind.ino != 0 && watched->kind.ino == watch->ino;
}

static int by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return (x > y) - (x < y);
}

/* One number registered twice (add, dup, close, add): which line is which file cannot be told. */
static bool has_twins(struct slot *s)
{
	int32_t *fds = HD_NEW_N(s->d->arena, (size_t)s->info.n_watched + 1, int32_t);
	struct hd_fd_watch watch;
	uint32_t n = 0;
	for (const char *at = s->info_text; n < s->info.n_watched && hd_fdinfo_next_watch(&at, &watch);)
		fds[n++] = watch.fd;
	qsort(fds, n, sizeof(*fds), by_number);
	for (uint32_t i = 1; i < n; i++) {
		if (fds[i] == fds[i - 1])
			return true;
	}
	return false;
}

static uint32_t epoll_object(struct slot *s)
{
	uint32_t o = own_object(s, HD_OBJ_EPOLL);
	if (o == HD_NONE || s->depth >= NEST_MAX || s->d->objects.at[o].watched_complete)
		return o;
	uint32_t *watched = HD_NEW_N(s->d->arena, (size_t)s->info.n_watched + 1, uint32_t), n = 0;
	bool complete = !has_twins(s);
	struct hd_fd_watch watch;
	for (const char *at = s->info_text; n < s->info.n_watched && hd_fdinfo_next_watch(&at, &watch);) {
		/* Whatever was asked for, a hang-up of the other side is always told. */
		struct slot in = {.d = s->d, .t = s->t, .pid = s->pid, .tid = s->tid, .fd = watch.fd, .depth = s->depth + 1,
				  .wants_data = true, .wants_room = true};
		uint32_t w = read_slot(&in) && is_same_file(s, &in, &watch) ? slot_object(&in) : HD_NONE;
		if (w != HD_NONE)
			watched[n++] = w;
		complete &= w != HD_NONE;
	}
	s->d->objects.at[o].watched = watched;
	s->d->objects.at[o].n_watched = n;
	s->d->objects.at[o].watched_complete = complete && n == s->info.n_watched;
	return o;
}

typedef uint32_t slot_fn(struct slot *s);
static slot_fn *const slot_kinds[HD_OBJ_COUNT] = {
	[HD_OBJ_OTHER] = other_object,     [HD_OBJ_PIPE] = pipe_object,     [HD_OBJ_SOCKET] = socket_object,
	[HD_OBJ_EVENTFD] = eventfd_object, [HD_OBJ_EPOLL] = epoll_object,   [HD_OBJ_TIMERFD] = timerfd_object,
	[HD_OBJ_SIGNALFD] = signal_object, [HD_OBJ_PIDFD] = pidfd_object,   [HD_OBJ_INOTIFY] = inotify_object,
	[HD_OBJ_FILE] = path_object,
};

static uint32_t slot_object(struct slot *s)
{
	uint32_t o = slot_kinds[s->kind.kind](s);
	if (o == HD_NONE)
		return o;
	struct hd_draft_object *more = &s->d->objects_more.at[o];
	if (s->d->objects.at[o].label[0] == '\0')
		s->d->objects.at[o].label = s->link;
	more->is_wanted |= s->d->threads[s->t].is_candidate;
	more->wants_data |= s->wants_data;
	more->wants_room |= s->wants_room;
	s->d->objects.at[o].is_ready |= more->has_data && more->wants_data;
	return o;
}

/* ---- the descriptors of a call ------------------------------------------------------------------------------------------- */

static bool add_fd(struct hd_draft *d, uint32_t t, int32_t fd, bool wants_data, bool wants_room)
{
	struct hd_thread *thread = &d->snap->threads[t];
	struct slot s = {.d = d, .t = t, .pid = d->procs[thread->proc].via, .tid = thread->tid, .fd = fd, .wants_data = wants_data,
			 .wants_room = wants_room};
	uint32_t o = read_slot(&s) ? slot_object(&s) : HD_NONE;
	if (o != HD_NONE)
		thread->objects[thread->n_objects++] = o;
	return o != HD_NONE;
}

static bool add_single(struct hd_draft *d, uint32_t t, bool wants_room)
{
	struct hd_thread *thread = &d->snap->threads[t];
	thread->objects = HD_NEW(d->arena, uint32_t);
	return add_fd(d, t, (int32_t)thread->args[0], !wants_room, wants_room);
}

static bool add_pollfds(struct hd_draft *d, uint32_t t, struct hd_mem *mem)
{
	struct hd_thread *thread = &d->snap->threads[t];
	uint64_t n = thread->args[1];
	if (mem == NULL || n == 0 || n > POLL_MAX)
		return false;
	struct pollfd *fds = HD_NEW_N(d->arena, n, struct pollfd);
	if (hd_mem_read(mem, thread->args[0], fds, n * sizeof(*fds)) < 0)
		return false;
	thread->objects = HD_NEW_N(d->arena, n, uint32_t);
	bool complete = true, any = false;
	for (uint64_t i = 0; i < n; i++) {
		if (fds[i].fd < 0)
			continue;
		any = true;
		complete &= add_fd(d, t, fds[i].fd, true, true);
	}
	return complete && any;
}

/* fd_set arrays: one bit a descriptor, in longs. */
static bool add_fdsets(struct hd_draft *d, uint32_t t, struct hd_mem *mem)
{
	struct hd_thread *thread = &d->snap->threads[t];
	uint64_t n = thread->args[0], wanted[POLL_MAX / 64] = {0}, bits[POLL_MAX / 64];
	if (mem == NULL || n == 0 || n > POLL_MAX)
		return false;
	size_t longs = (n + 63) / 64;
	for (int set = 1; set <= 3; set++) {
		if (thread->args[set] == 0)
			continue;
		if (hd_mem_read(mem, thread->args[set], bits, longs * sizeof(*bits)) < 0)
			return false;
		for (size_t i = 0; i < longs; i++)
			wanted[i] |= bits[i];
	}
	thread->objects = HD_NEW_N(d->arena, n, uint32_t);
	bool complete = true, any = false;
	for (uint64_t fd = 0; fd < n; fd++) {
		if ((wanted[fd / 64] >> fd % 64 & 1) == 0)
			continue;
		any = true;
		complete &= add_fd(d, t, (int32_t)fd, true, true);
	}
	return complete && any;
}

static bool add_pollset(struct hd_draft *d, uint32_t t)
{
	const struct hd_thread *thread = &d->snap->threads[t];
	struct hd_mem *mem = hd_draft_mem(d, thread->proc);
	int64_t nr = d->threads[t].call.nr;
	if (nr == NR_POLL || nr == NR_PPOLL)
		return add_pollfds(d, t, mem);
	if (nr == NR_SELECT || nr == NR_PSELECT6)
		return add_fdsets(d, t, mem);
	return false;
}

/* ---- file locks ------------------------------------------------------------------------------------------------------------ */

/* Whose wait is looked for in the kernel's list: a process's, or, where the list has no process (locks of open file
 * descriptions), one for this very file. */
struct lock_wait {
	int32_t pid;
	struct statx file;
};

static bool is_lock_wait(const struct hd_file_lock *lock, const struct lock_wait *wait)
{
	if (!lock->is_waiter || lock->is_ofd != (wait->pid < 0))
		return false;
	return lock->is_ofd ? lock->ino == wait->file.stx_ino && lock->dev_major == wait->file.stx_dev_major &&
				      lock->dev_minor == wait->file.stx_dev_minor
			    : lock->pid == wait->pid;
}

/* The kernel's list names the waiting process and the file; inode numbers of stat(2) may differ (overlay, btrfs). */
static bool find_lock_wait(struct hd_draft *d, const struct lock_wait *wait, struct hd_file_lock *ret)
{
	char *text;
	size_t len;
	bool bad = false;
	uint32_t found = 0;
	struct hd_file_lock lock;
	if (hd_procfs_text(d->arena, 16 << 20, &text, &len, "/proc/locks") < 0)
		return false;
	for (const char *at = text; hd_locks_next(&at, &lock, &bad);) {
		if (!is_lock_wait(&lock, wait))
			continue;
		if (found == 0 || lock.ino != ret->ino || lock.dev_major != ret->dev_major || lock.dev_minor != ret->dev_minor)
			found++;
		*ret = lock;
	}
	return found == 1 && !bad;
}

static bool lock_wait_of(struct hd_draft *d, uint32_t t, const struct slot *s, struct lock_wait *ret)
{
	const struct hd_thread *thread = &d->snap->threads[t];
	char path[64];
	*ret = (struct lock_wait){.pid = d->snap->procs[thread->proc].pid};
	if (d->threads[t].call.nr != NR_FCNTL || (uint32_t)thread->args[1] != F_OFD_SETLKW)
		return true;
	ret->pid = -1;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/fd/%d", s->pid, s->tid, s->fd);
	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &ret->file) == 0;
}

/* Locks of these live in this kernel alone; a network or FUSE file system knows holders that no file here names. */
static bool is_local_fs(const char *type)
{
	static const char *const types[] = {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "tmpfs", "ramfs", "devtmpfs", "overlay",
					    "zfs", "bcachefs", "hugetlbfs", "vfat", "exfat"};
	for (size_t i = 0; i < HD_COUNTOF(types); i++) {
		if (strcmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

/* "36 35 98:0 /a /b rw,noatime master:1 - ext4 /dev/root rw": by the mount's number, so that no file system is asked. */
static bool is_on_local_fs(const struct slot *s)
{
	char *text, *rest;
	size_t len;
	if (hd_procfs_text(s->d->arena, 4 << 20, &text, &len, "/proc/%d/mountinfo", s->pid) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		char *end, *type = strstr(line, " - ");
		if (strtoull(line, &end, 10) != s->info.mount || *end != ' ' || type == NULL)
			continue;
		type += 3;
		type[strcspn(type, " ")] = '\0';
		return is_local_fs(type);
	}
	return false;
}

static bool add_filelock(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	struct hd_file_lock lock = {0};
	struct lock_wait wait;
	struct slot s = {.d = d, .t = t, .pid = d->procs[thread->proc].via, .tid = thread->tid, .fd = (int32_t)thread->args[0]};
	if (!lock_wait_of(d, t, &s, &wait) || !find_lock_wait(d, &wait, &lock) || !read_slot(&s))
		return false;
	uint32_t o = hd_draft_object(d, HD_OBJ_FILELOCK, lock.ino, lock.dev_major, lock.dev_minor);
	if (o == HD_NONE)
		return false;
	d->objects.at[o].label = s.link;
	d->objects_more.at[o].is_wanted |= d->threads[t].is_candidate;
	if (!is_on_local_fs(&s))
		hd_draft_outside(d, o, "the file system of %s may be shared with other machines", s.link);
	thread->objects = HD_NEW(d->arena, uint32_t);
	thread->objects[thread->n_objects++] = o;
	return true;
}

/* ------------------------------------------------------------------------------------------------------------------------------ */

void hd_draft_objects(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	thread->objects_want_write = d->threads[t].call.need == HD_NEED_FD_WRITE;
	switch (d->threads[t].call.need) {
	case HD_NEED_FD_READ:
	case HD_NEED_FD_WRITE:
	case HD_NEED_EPOLL:
	case HD_NEED_ACCEPT:
		thread->objects_complete = add_single(d, t, thread->objects_want_write);
		break;
	case HD_NEED_POLLSET:
		thread->objects_complete = add_pollset(d, t);
		break;
	case HD_NEED_FILELOCK:
		thread->objects_complete = add_filelock(d, t);
		break;
	default:
		break;
	}
}
