/* Who on this system holds what the candidates wait on: descriptors and mappings of all processes (reference, ptrace.md
 * sections 2.2 and 3.4).  Whoever cannot be looked into, and whatever may be under way in a socket, leaves the object
 * open to the outside.  The census runs twice: a descriptor that was passed on between the reading of the giver and of
 * the taker is missed by one run, and then the two differ.
 *
 * Processes outside the tree that cannot be looked into (of other users) do not count for an object that was made in the
 * tree, if nothing could carry it out: we started the root, the root did not inherit the object from us, and no process
 * of the tree is connected with the outside through a unix socket.  What stays is somebody who takes descriptors out of
 * another process by force, as a debugger can; such are excluded from proofs altogether. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "os/census.h"
#include "os/procfile.h"
#include "parse/proc_misc.h"

static bool is_of_tree(const struct hd_census *c)
{
	return c->proc->proc != HD_NONE;
}

static void blame(struct hd_culprit *culprit, const struct hd_census *c)
{
	if (culprit->pid != 0)
		return;
	culprit->pid = c->proc->pid;
	culprit->name = hd_arena_str(c->d->arena, c->proc->name);
}

static void add_row(struct hd_census *c, uint32_t o, int32_t fd, bool reads, bool writes)
{
	HD_VEC_PUSH(&c->rows, (struct hd_census_row){.object = o, .pid = c->proc->pid, .fd = fd, .reads = reads, .writes = writes});
}

/* ---- one descriptor ---------------------------------------------------------------------------------------------------- */

static bool read_info(struct hd_census *c, int32_t fd, struct hd_fdinfo *ret, char **ret_text)
{
	size_t len;
	return hd_procfs_text(c->scratch, 1 << 20, ret_text, &len, "/proc/%d/task/%d/fdinfo/%d", c->proc->pid, c->tid, fd) == 0 &&
	       hd_fdinfo_parse(*ret_text, ret) == 0;
}

static void add_by_flags(struct hd_census *c, uint32_t o, int32_t fd)
{
	struct hd_fdinfo info;
	char *text;
	bool known = read_info(c, fd, &info, &text);
	uint32_t mode = known ? info.flags & O_ACCMODE : O_RDWR;
	add_row(c, o, fd, mode != O_WRONLY, mode != O_RDONLY);
}

static void blame_closed(struct hd_census *c)
{
	blame(is_of_tree(c) ? &c->closed_in_tree : &c->closed, c);
}

/* One descriptor: its link in /proc, and what that says. */
struct link {
	int32_t fd;
	const char *path, *text;
	struct hd_fd_link is;
};

static void check_socket(struct hd_census *c, const struct link *link)
{
	if (is_of_tree(c))
		HD_VEC_PUSH(&c->sockets, link->is.ino);
	struct hd_fdinfo info;
	char *text;
	uint32_t o = hd_draft_object_find(c->d, HD_OBJ_UNIX, link->is.ino, 0, 0);
	if (o != HD_NONE)
		add_row(c, o, link->fd, true, true);
	if (read_info(c, link->fd, &info, &text) && info.scm_fds > 0)
		blame(is_of_tree(c) ? &c->in_flight_in_tree : &c->in_flight, c);
}

static void check_eventfd(struct hd_census *c, const struct link *link)
{
	struct hd_fdinfo info;
	char *text;
	if (!c->by_number || !read_info(c, link->fd, &info, &text) || !info.has_eventfd_id)
		return;
	uint32_t o = hd_draft_object_find(c->d, HD_OBJ_EVENTFD, info.eventfd_id, 0, 0);
	if (o != HD_NONE)
		add_row(c, o, link->fd, true, true);
}

/* Epoll sets and timers have no number: the kernel compares the open files; where it will not, any may be the one. */
static void check_anonymous(struct hd_census *c, const struct link *link)
{
	struct hd_draft *d = c->d;
	for (uint32_t o = 0; c->by_compare && o < d->objects.n; o++) {
		const struct hd_draft_object *more = &d->objects_more.at[o];
		if (d->objects.at[o].kind != link->is.kind || !more->is_wanted || more->fd < 0)
			continue;
		long r = syscall(SYS_kcmp, more->pid, c->tid, KCMP_FILE, more->fd, link->fd);
		if (r <= 0)
			add_row(c, o, link->fd, true, true);
	}
}

/* "lock:\t1: POSIX  ADVISORY  WRITE 359 00:13:11691 0 EOF" */
static void check_locks(struct hd_census *c, int32_t fd)
{
	struct hd_fdinfo info;
	struct hd_file_lock lock;
	char *text;
	bool bad = false;
	if (!read_info(c, fd, &info, &text) || !info.has_lock)
		return;
	uint32_t last = HD_NONE;
	for (const char *at = text; (at = strstr(at, "lock:\t")) != NULL;) {
		at += strlen("lock:\t");
		if (!hd_locks_next(&at, &lock, &bad))
			break;
		uint32_t o = hd_draft_object_find(c->d, HD_OBJ_FILELOCK, lock.ino, lock.dev_major, lock.dev_minor);
		if (o == HD_NONE)
			continue;
		if (o != last)
			add_row(c, o, fd, true, true);
		last = o;
		if (lock.is_ofd && lock.is_write)
			HD_VEC_PUSH(&c->ofd_locks, (struct hd_ofd_lock){.object = o, .range = lock.range});
	}
}

/* Of the tree only: who else may do this by force is a debugger, whom no proof excludes (file header). */
static void check_pidfd(struct hd_census *c, const struct link *link)
{
	struct hd_fdinfo info;
	char *text;
	if (!is_of_tree(c) || !read_info(c, link->fd, &info, &text) || info.pidfd_pid <= 0 || info.pidfd_pid == c->proc->pid)
		return;
	HD_VEC_PUSH(&c->reaches, (struct hd_reach){c->proc->pid, (int32_t)info.pidfd_pid});
}

/* Then it holds, in effect, all descriptors of the other one. */
static void add_reaches(struct hd_census *c)
{
	size_t n = c->rows.n;
	for (size_t i = 0; i < c->reaches.n; i++) {
		for (size_t k = 0; k < n; k++) {
			struct hd_census_row row = c->rows.at[k];
			if (row.pid != c->reaches.at[i].into || row.fd < 0)
				continue;
			row.pid = c->reaches.at[i].pid;
			HD_VEC_PUSH(&c->rows, row);
		}
	}
}

static bool is_harmless_device(const char *link)
{
	static const char *const names[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
					    "/dev/ptmx", "/dev/console", "/dev/pts/", "/dev/shm/", "/dev/mqueue/"};
	return hd_begins_with_any(link, names, HD_COUNTOF(names));
}

/* Shared memory and nameless FIFOs, by inode alone: maps and stat(2) may disagree about the device. */
static void check_inode(struct hd_census *c, int32_t fd, const char *path)
{
	struct statx st;
	struct hd_draft *d = c->d;
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &st) < 0)
		return;
	for (uint32_t o = 0; o < d->objects.n; o++) {
		const struct hd_object *object = &d->objects.at[o];
		if (object->id != st.stx_ino || !d->objects_more.at[o].is_wanted)
			continue;
		if (object->kind == HD_OBJ_SHM && S_ISREG(st.stx_mode))
			add_row(c, o, fd, true, true);
		else if (object->kind == HD_OBJ_FIFO && S_ISFIFO(st.stx_mode))
			add_by_flags(c, o, fd);
	}
}

static void check_pipe(struct hd_census *c, const struct link *link)
{
	uint32_t o = hd_draft_object_find(c->d, HD_OBJ_PIPE, link->is.ino, 0, 0);
	if (o != HD_NONE)
		add_by_flags(c, o, link->fd);
}

static void check_file(struct hd_census *c, const struct link *link)
{
	c->has_device |= strncmp(link->text, "/dev/", 5) == 0 && !is_harmless_device(link->text);
	if (c->by_inode)
		check_inode(c, link->fd, link->path);
	if (c->by_lock)
		check_locks(c, link->fd);
}

/* kvm, vfio and their like hide behind anonymous inodes. */
static void check_other(struct hd_census *c, const struct link *link)
{
	(void)link;
	c->has_device = true;
}

static void (*const checks[HD_OBJ_COUNT])(struct hd_census *c, const struct link *link) = {
	[HD_OBJ_PIPE] = check_pipe,
	[HD_OBJ_SOCKET] = check_socket,
	[HD_OBJ_EVENTFD] = check_eventfd,
	[HD_OBJ_EPOLL] = check_anonymous,
	[HD_OBJ_TIMERFD] = check_anonymous,
	[HD_OBJ_PIDFD] = check_pidfd,
	[HD_OBJ_FILE] = check_file,
	[HD_OBJ_OTHER] = check_other,
};

static int check_fd(void *ctx, int32_t fd)
{
	struct hd_census *c = ctx;
	char path[64], text[512];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/fd/%d", c->proc->pid, c->tid, fd);
	ssize_t n = readlink(path, text, sizeof(text) - 1);
	if (n < 0 && errno != ENOENT) {
		blame_closed(c);
		return 1; /* the others will not be readable either */
	}
	if (n <= 0)
		return 0;
	text[n] = '\0';
	struct link link = {.fd = fd, .path = path, .text = text, .is = hd_fd_link_parse(text)};
	if (link.is.is_io_uring)
		blame(is_of_tree(c) ? &c->ring_in_tree : &c->ring, c);
	if (checks[link.is.kind] != NULL)
		checks[link.is.kind](c, &link);
	return 0;
}

/* ---- one process --------------------------------------------------------------------------------------------------------- */

/* Pages of devices have no futexes (kernel/futex/core.c get_futex_key: no page behind them). */
static bool can_have_futexes(const struct hd_map *map)
{
	bool is_device = strncmp(map->path, "/dev/", 5) == 0 && strncmp(map->path, "/dev/zero", 9) != 0 && strncmp(map->path, "/dev/shm/", 9) != 0;
	return map->ino != 0 && map->path[0] == '/' && map->path[1] != '[' && !is_device;
}

static void check_maps(struct hd_census *c)
{
	struct hd_maps maps;
	int r = hd_procfs_maps(c->tid, c->scratch, &maps);
	if (r < 0 && r != -ESRCH)
		blame(is_of_tree(c) ? &c->closed_in_tree : &c->maps_closed, c);
	for (size_t i = 0; r == 0 && i < maps.n; i++) {
		const struct hd_map *map = &maps.at[i];
		/* A private mapping that is only read shares the futex of the file as well (get_futex_key). */
		uint32_t o = map->ino != 0 ? hd_draft_object_find(c->d, HD_OBJ_SHM, map->ino, map->dev_major, map->dev_minor) : HD_NONE;
		if (o != HD_NONE)
			add_row(c, o, -1, true, true);
		if (map->shared && map->writable && can_have_futexes(map))
			HD_VEC_PUSH(&c->shared, (struct hd_shared_map){map->ino, (uint64_t)map->dev_major << 32 | map->dev_minor, c->proc->pid});
		/* Linux AIO signals eventfds from the kernel. */
		c->has_device |= strcmp(map->path, "/[aio]") == 0;
	}
}

static void check_table(struct hd_census *c)
{
	int r = hd_procfile_numbers(check_fd, c, "/proc/%d/task/%d/fd", c->proc->pid, c->tid);
	if (r < 0 && r != -ESRCH)
		blame_closed(c);
}

/* A thread may have a table of descriptors of its own (unshare(CLONE_FILES)). */
static int check_thread(void *ctx, int32_t tid)
{
	struct hd_census *c = ctx;
	int32_t first = c->tid;
	if (tid == first || syscall(SYS_kcmp, first, tid, KCMP_FILES, 0, 0) <= 0)
		return 0;
	c->tid = tid;
	check_table(c);
	c->tid = first;
	return 0;
}

static int first_living(void *ctx, int32_t tid)
{
	struct hd_census *c = ctx;
	struct hd_stat stat;
	if (hd_procfile_stat(c->proc->pid, tid, &stat) < 0 || stat.state == 'Z' || stat.state == 'X')
		return 0;
	c->tid = tid;
	return 1;
}

static bool same_net(int32_t tid)
{
	char path[64];
	struct stat own, its;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", tid);
	return stat("/proc/self/ns/net", &own) == 0 && stat(path, &its) == 0 && own.st_ino == its.st_ino;
}

static void check_process(struct hd_census *c, const struct hd_roster_row *proc)
{
	c->proc = proc;
	c->tid = proc->pid;
	c->has_device = false;
	if (proc->state == 'Z' || proc->state == 'X') {
		/* The leader has ended; its threads may live on. */
		c->tid = 0;
		if (hd_procfile_numbers(first_living, c, "/proc/%d/task", proc->pid) <= 0 || c->tid == 0)
			return;
	}
	size_t before = c->rows.n;
	c->scratch = hd_arena_new();
	c->other_net |= is_of_tree(c) && !same_net(c->tid);
	if (c->wants_fds) {
		check_table(c);
		if (proc->n_threads > 1 && hd_procfile_numbers(check_thread, c, "/proc/%d/task", proc->pid) < 0)
			blame_closed(c);
	}
	if (c->wants_maps || (c->by_number && c->rows.n > before))
		check_maps(c);
	if (c->has_device)
		HD_VEC_PUSH(&c->with_device, proc->pid);
	hd_arena_free(c->scratch);
	c->scratch = NULL;
}

/* ---- both runs ------------------------------------------------------------------------------------------------------------- */

static void choose_sorts(struct hd_census *c)
{
	for (uint32_t o = 0; o < c->d->objects.n; o++) {
		const struct hd_object *object = &c->d->objects.at[o];
		if (!c->d->objects_more.at[o].is_wanted)
			continue;
		c->by_number |= object->kind == HD_OBJ_EVENTFD;
		c->by_inode |= object->kind == HD_OBJ_SHM || object->kind == HD_OBJ_FIFO;
		c->by_compare |= object->kind == HD_OBJ_EPOLL || object->kind == HD_OBJ_TIMERFD;
		c->by_lock |= object->kind == HD_OBJ_FILELOCK;
		c->wants_maps |= object->kind == HD_OBJ_SHM;
		c->wants_fds = true;
	}
}

static int by_memory(const void *a, const void *b)
{
	const struct hd_shared_map *x = a, *y = b;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

#define PIDS_MAX (1 << 22) /* PID_MAX_LIMIT, include/linux/threads.h */

/* One bit a number. */
static bool has_pid(const uint8_t *pids, int32_t pid)
{
	return pid < 0 || pid >= PIDS_MAX || (pids[pid / 8] >> pid % 8 & 1) != 0;
}

static void add_pid(uint8_t *pids, int32_t pid)
{
	pids[pid / 8] |= (uint8_t)(1 << pid % 8);
}

/* The mappings from `first` on that are of one memory: all who have it join if one of them is among the pids already. */
static size_t join_memory(struct hd_census *c, uint32_t o, size_t first, uint8_t *pids, bool *ret_any)
{
	size_t end = first;
	bool joins = false;
	for (; end < c->shared.n && c->shared.at[end].ino == c->shared.at[first].ino && c->shared.at[end].dev == c->shared.at[first].dev; end++)
		joins |= has_pid(pids, c->shared.at[end].pid);
	for (size_t i = first; i < end && joins; i++) {
		int32_t pid = c->shared.at[i].pid;
		if (has_pid(pids, pid))
			continue;
		add_pid(pids, pid);
		HD_VEC_PUSH(&c->rows, (struct hd_census_row){.object = o, .pid = pid, .fd = -1, .reads = true, .writes = true});
		*ret_any = true;
	}
	return end;
}

/* FUTEX_REQUEUE moves a waiter to a word in other memory, and its line in /proc still shows the old word: whoever shares
 * any memory with one who could have moved it may be the one to wake it now, and so on. */
static void add_relays(struct hd_census *c, uint32_t o)
{
	uint8_t *pids = calloc(PIDS_MAX / 8, 1);
	if (pids == NULL)
		abort();
	for (size_t i = 0; i < c->rows.n; i++) {
		if (c->rows.at[i].object == o && !has_pid(pids, c->rows.at[i].pid))
			add_pid(pids, c->rows.at[i].pid);
	}
	for (bool any = true; any;) {
		any = false;
		for (size_t i = 0; i < c->shared.n;)
			i = join_memory(c, o, i, pids, &any);
	}
	free(pids);
}

static void add_all_relays(struct hd_census *c)
{
	if (c->shared.n > 0)
		qsort(c->shared.at, c->shared.n, sizeof(*c->shared.at), by_memory);
	for (uint32_t o = 0; o < c->d->objects.n; o++) {
		if (c->d->objects.at[o].kind == HD_OBJ_SHM && c->d->objects_more.at[o].is_wanted)
			add_relays(c, o);
	}
}

static void run_census(struct hd_census *c, const struct hd_roster *roster)
{
	for (size_t i = 0; i < roster->n; i++)
		check_process(c, &roster->at[i]);
	add_reaches(c);
	add_all_relays(c);
}

static void release_census(struct hd_census *c)
{
	HD_VEC_RELEASE(&c->rows);
	HD_VEC_RELEASE(&c->ofd_locks);
	HD_VEC_RELEASE(&c->reaches);
	HD_VEC_RELEASE(&c->shared);
	HD_VEC_RELEASE(&c->with_device);
	HD_VEC_RELEASE(&c->sockets);
}

int hd_census_row_order(const void *a, const void *b)
{
	const struct hd_census_row *x = a, *y = b;
	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

static void sort_rows(struct hd_census *c)
{
	if (c->rows.n > 0)
		qsort(c->rows.at, c->rows.n, sizeof(*c->rows.at), hd_census_row_order);
}

void hd_draft_census(struct hd_draft *d)
{
	HD_CLEAN(release_census) struct hd_census first = {.d = d}, second = {.d = d};
	/* Who waits on a socket waits for its peer's holders. */
	for (uint32_t o = 0; o < d->objects.n; o++) {
		uint32_t peer = d->objects.at[o].peer;
		if (peer != HD_NONE)
			d->objects_more.at[peer].is_wanted |= d->objects_more.at[o].is_wanted;
	}
	choose_sorts(&first);
	choose_sorts(&second);
	struct hd_roster later = {0};
	if (first.wants_fds) {
		run_census(&first, &d->roster);
		if (hd_roster_read(&later, d->snap) < 0)
			HD_VEC_CLEAR(&later);
		run_census(&second, &later);
	}
	hd_roster_release(&later);
	sort_rows(&first);
	sort_rows(&second);
	hd_census_apply(&first, &second);
}
