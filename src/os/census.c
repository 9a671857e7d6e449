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

#include "os/draft.h"
#include "os/procfile.h"
#include "parse/proc_misc.h"

struct row {
	uint32_t object;
	int32_t pid, fd;
	bool reads, writes;
};

/* An open-file-description lock to write that a process was seen to hold. */
struct ofd_lock {
	uint32_t object;
	uint64_t range;
};

struct culprit {
	int32_t pid; /* 0 = nobody */
	const char *name;
};

/* A process of the tree that can copy descriptors out of another one (pidfd_getfd). */
struct reach {
	int32_t pid, into;
};

/* A writable shared mapping in which futexes can lie. */
struct shared_map {
	uint64_t ino, dev;
	int32_t pid;
};

struct census {
	struct hd_draft *d;
	bool by_number, by_inode, by_compare, by_lock; /* which sorts of objects are looked for */
	bool wants_fds, wants_maps;
	HD_VEC(struct row) rows;
	HD_VEC(struct ofd_lock) ofd_locks;
	HD_VEC(struct reach) reaches;
	HD_VEC(struct shared_map) shared;
	struct culprit closed, maps_closed, in_flight, ring; /* the first of each outside the tree */
	struct culprit closed_in_tree, in_flight_in_tree, ring_in_tree; /* as those, of the tree */
	HD_VEC(uint64_t) sockets;      /* inodes of all that the tree holds */
	bool other_net;                /* somebody of the tree lives in another network namespace */
	HD_VEC(int32_t) with_device; /* processes whose drivers could signal an eventfd */
	struct hd_arena *scratch;
	/* the process in hand */
	const struct hd_roster_row *proc;
	int32_t tid;
	bool has_device;
};

static void blame(struct culprit *culprit, const struct census *c)
{
	if (culprit->pid != 0)
		return;
	culprit->pid = c->proc->pid;
	culprit->name = hd_arena_str(c->d->arena, c->proc->name);
}

static void add_row(struct census *c, uint32_t o, int32_t fd, bool reads, bool writes)
{
	HD_VEC_PUSH(&c->rows, (struct row){.object = o, .pid = c->proc->pid, .fd = fd, .reads = reads, .writes = writes});
}

/* ---- one descriptor ---------------------------------------------------------------------------------------------------- */

static bool read_info(struct census *c, int32_t fd, struct hd_fdinfo *ret, char **ret_text)
{
	size_t len;
	return hd_procfs_text(c->scratch, 1 << 20, ret_text, &len, "/proc/%d/task/%d/fdinfo/%d", c->proc->pid, c->tid, fd) == 0 &&
	       hd_fdinfo_parse(*ret_text, ret) == 0;
}

static void add_by_flags(struct census *c, uint32_t o, int32_t fd)
{
	struct hd_fdinfo info;
	char *text;
	bool known = read_info(c, fd, &info, &text);
	uint32_t mode = known ? info.flags & O_ACCMODE : O_RDWR;
	add_row(c, o, fd, mode != O_WRONLY, mode != O_RDONLY);
}

static bool is_of_tree(const struct census *c)
{
	return c->proc->proc != HD_NONE;
}

static void blame_closed(struct census *c)
{
	blame(is_of_tree(c) ? &c->closed_in_tree : &c->closed, c);
}

static void check_socket(struct census *c, int32_t fd, uint64_t ino)
{
	if (c->proc->proc != HD_NONE)
		HD_VEC_PUSH(&c->sockets, ino);
	struct hd_fdinfo info;
	char *text;
	uint32_t o = hd_draft_object_find(c->d, HD_OBJ_UNIX, ino, 0, 0);
	if (o != HD_NONE)
		add_row(c, o, fd, true, true);
	if (read_info(c, fd, &info, &text) && info.scm_fds > 0)
		blame(is_of_tree(c) ? &c->in_flight_in_tree : &c->in_flight, c);
}

static void check_eventfd(struct census *c, int32_t fd)
{
	struct hd_fdinfo info;
	char *text;
	if (!read_info(c, fd, &info, &text) || !info.has_eventfd_id)
		return;
	uint32_t o = hd_draft_object_find(c->d, HD_OBJ_EVENTFD, info.eventfd_id, 0, 0);
	if (o != HD_NONE)
		add_row(c, o, fd, true, true);
}

/* Epoll sets and timers have no number: the kernel compares the open files; where it will not, any may be the one. */
static void check_anonymous(struct census *c, int32_t fd, enum hd_obj_kind kind)
{
	struct hd_draft *d = c->d;
	for (uint32_t o = 0; o < d->objects.n; o++) {
		const struct hd_draft_object *more = &d->objects_more.at[o];
		if (d->objects.at[o].kind != kind || !more->is_wanted || more->fd < 0)
			continue;
		long r = syscall(SYS_kcmp, more->pid, c->tid, KCMP_FILE, more->fd, fd);
		if (r <= 0)
			add_row(c, o, fd, true, true);
	}
}

/* "lock:\t1: POSIX  ADVISORY  WRITE 359 00:13:11691 0 EOF" */
static void check_locks(struct census *c, int32_t fd)
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
			HD_VEC_PUSH(&c->ofd_locks, (struct ofd_lock){.object = o, .range = lock.range});
	}
}

/* Of the tree only: who else may do this by force is a debugger, whom no proof excludes (file header). */
static void check_pidfd(struct census *c, int32_t fd)
{
	struct hd_fdinfo info;
	char *text;
	if (c->proc->proc == HD_NONE || !read_info(c, fd, &info, &text) || info.pidfd_pid <= 0 || info.pidfd_pid == c->proc->pid)
		return;
	HD_VEC_PUSH(&c->reaches, (struct reach){c->proc->pid, (int32_t)info.pidfd_pid});
}

/* Then it holds, in effect, all descriptors of the other one. */
static void add_reaches(struct census *c)
{
	size_t n = c->rows.n;
	for (size_t i = 0; i < c->reaches.n; i++) {
		for (size_t k = 0; k < n; k++) {
			struct row row = c->rows.at[k];
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
	for (size_t i = 0; i < HD_COUNTOF(names); i++) {
		if (strncmp(link, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

/* Shared memory and nameless FIFOs, by inode alone: maps and stat(2) may disagree about the device. */
static void check_inode(struct census *c, int32_t fd, const char *path)
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

static int check_fd(void *ctx, int32_t fd)
{
	struct census *c = ctx;
	char path[64], link[512];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/fd/%d", c->proc->pid, c->tid, fd);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	if (n < 0 && errno != ENOENT) {
		blame_closed(c);
		return 1; /* the others will not be readable either */
	}
	if (n <= 0)
		return 0;
	link[n] = '\0';
	struct hd_fd_link kind = hd_fd_link_parse(link);
	if (kind.is_io_uring)
		blame(is_of_tree(c) ? &c->ring_in_tree : &c->ring, c);
	if (kind.kind == HD_OBJ_PIPE) {
		uint32_t o = hd_draft_object_find(c->d, HD_OBJ_PIPE, kind.ino, 0, 0);
		if (o != HD_NONE)
			add_by_flags(c, o, fd);
	} else if (kind.kind == HD_OBJ_SOCKET) {
		check_socket(c, fd, kind.ino);
	} else if (kind.kind == HD_OBJ_EVENTFD && c->by_number) {
		check_eventfd(c, fd);
	} else if ((kind.kind == HD_OBJ_EPOLL || kind.kind == HD_OBJ_TIMERFD) && c->by_compare) {
		check_anonymous(c, fd, kind.kind);
	} else if (kind.kind == HD_OBJ_PIDFD) {
		check_pidfd(c, fd);
	} else if (kind.kind == HD_OBJ_FILE) {
		c->has_device |= strncmp(link, "/dev/", 5) == 0 && !is_harmless_device(link);
		if (c->by_inode)
			check_inode(c, fd, path);
		if (c->by_lock)
			check_locks(c, fd);
	} else if (kind.kind == HD_OBJ_OTHER) {
		c->has_device = true; /* kvm, vfio and their like hide behind anonymous inodes */
	}
	return 0;
}

/* ---- one process --------------------------------------------------------------------------------------------------------- */

/* Pages of devices have no futexes (kernel/futex/core.c get_futex_key: no page behind them). */
static bool can_have_futexes(const struct hd_map *map)
{
	bool is_device = strncmp(map->path, "/dev/", 5) == 0 && strncmp(map->path, "/dev/zero", 9) != 0 && strncmp(map->path, "/dev/shm/", 9) != 0;
	return map->ino != 0 && map->path[0] == '/' && map->path[1] != '[' && !is_device;
}

static void check_maps(struct census *c)
{
	struct hd_maps maps;
	int r = hd_procfs_maps(c->tid, c->scratch, &maps);
	if (r < 0 && r != -ESRCH && c->proc->proc != HD_NONE)
		blame(&c->closed_in_tree, c);
	else if (r < 0 && r != -ESRCH)
		blame(&c->maps_closed, c);
	for (size_t i = 0; r == 0 && i < maps.n; i++) {
		const struct hd_map *map = &maps.at[i];
		/* A private mapping that is only read shares the futex of the file as well (get_futex_key). */
		uint32_t o = map->ino != 0 ? hd_draft_object_find(c->d, HD_OBJ_SHM, map->ino, map->dev_major, map->dev_minor) : HD_NONE;
		if (o != HD_NONE)
			add_row(c, o, -1, true, true);
		if (map->shared && map->writable && can_have_futexes(map))
			HD_VEC_PUSH(&c->shared, (struct shared_map){map->ino, (uint64_t)map->dev_major << 32 | map->dev_minor, c->proc->pid});
		/* Linux AIO signals eventfds from the kernel. */
		c->has_device |= strcmp(map->path, "/[aio]") == 0;
	}
}

static void check_table(struct census *c)
{
	int r = hd_procfile_numbers(check_fd, c, "/proc/%d/task/%d/fd", c->proc->pid, c->tid);
	if (r < 0 && r != -ESRCH)
		blame_closed(c);
}

/* A thread may have a table of descriptors of its own (unshare(CLONE_FILES)). */
static int check_thread(void *ctx, int32_t tid)
{
	struct census *c = ctx;
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
	struct census *c = ctx;
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

static void check_process(struct census *c, const struct hd_roster_row *proc)
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
	c->other_net |= proc->proc != HD_NONE && !same_net(c->tid);
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

static void choose_sorts(struct census *c)
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
	const struct shared_map *x = a, *y = b;
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
static size_t join_memory(struct census *c, uint32_t o, size_t first, uint8_t *pids, bool *ret_any)
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
		HD_VEC_PUSH(&c->rows, (struct row){.object = o, .pid = pid, .fd = -1, .reads = true, .writes = true});
		*ret_any = true;
	}
	return end;
}

/* FUTEX_REQUEUE moves a waiter to a word in other memory, and its line in /proc still shows the old word: whoever shares
 * any memory with one who could have moved it may be the one to wake it now, and so on. */
static void add_relays(struct census *c, uint32_t o)
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

static void add_all_relays(struct census *c)
{
	if (c->shared.n > 0)
		qsort(c->shared.at, c->shared.n, sizeof(*c->shared.at), by_memory);
	for (uint32_t o = 0; o < c->d->objects.n; o++) {
		if (c->d->objects.at[o].kind == HD_OBJ_SHM && c->d->objects_more.at[o].is_wanted)
			add_relays(c, o);
	}
}

static void run_census(struct census *c, const struct hd_roster *roster)
{
	for (size_t i = 0; i < roster->n; i++)
		check_process(c, &roster->at[i]);
	add_reaches(c);
	add_all_relays(c);
}

static void release_census(struct census *c)
{
	HD_VEC_RELEASE(&c->rows);
	HD_VEC_RELEASE(&c->ofd_locks);
	HD_VEC_RELEASE(&c->reaches);
	HD_VEC_RELEASE(&c->shared);
	HD_VEC_RELEASE(&c->with_device);
	HD_VEC_RELEASE(&c->sockets);
}

static int by_object(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

static void sort_rows(struct census *c)
{
	if (c->rows.n > 0)
		qsort(c->rows.at, c->rows.n, sizeof(*c->rows.at), by_object);
}

/* ---- what it means for an object ------------------------------------------------------------------------------------------- */

/* Only who can do what the waiters wait for matters; a socket can be shut down by any of its holders. */
static bool can_act(const struct hd_object *object, const struct hd_draft_object *more, const struct row *row)
{
	if (object->kind != HD_OBJ_PIPE && object->kind != HD_OBJ_FIFO)
		return true;
	return (more->wants_data && row->writes) || (more->wants_room && row->reads);
}

static void add_holders(struct hd_draft *d, uint32_t o, const struct row *rows, size_t n)
{
	struct hd_object *object = &d->objects.at[o];
	object->holders = HD_NEW_N(d->arena, n + 1, struct hd_holder);
	for (size_t i = 0; i < n; i++) {
		uint32_t p = hd_draft_find_proc(d, rows[i].pid);
		if (p != HD_NONE) {
			object->holders[object->n_holders++] = (struct hd_holder){.proc = p, .fd = rows[i].fd, .reads = rows[i].reads,
										  .writes = rows[i].writes};
		} else if (can_act(object, &d->objects_more.at[o], &rows[i])) {
			const struct hd_roster_row *who = hd_roster_find(&d->roster, rows[i].pid);
			hd_draft_outside(d, o, "process %d (%s), which hangdog does not guard, holds it too", rows[i].pid,
					 who != NULL ? who->name : "?");
		}
	}
}

static bool same_rows(const struct row *a, size_t n, const struct row *b, size_t m)
{
	for (size_t i = 0; n == m && i < n; i++) {
		if (by_object(&a[i], &b[i]) != 0 || a[i].reads != b[i].reads || a[i].writes != b[i].writes)
			return false;
	}
	return n == m;
}

/* The rows of one object in a sorted census. */
static const struct row *rows_of(const struct census *c, uint32_t o, size_t *at, size_t *ret_n)
{
	while (*at < c->rows.n && c->rows.at[*at].object < o)
		++*at;
	size_t first = *at;
	while (*at < c->rows.n && c->rows.at[*at].object == o)
		++*at;
	*ret_n = *at - first;
	return c->rows.at + first;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Could a descriptor have left or entered the tree? */
static bool has_way_out(struct census *c)
{
	if (!c->d->w->config.is_launched || c->other_net || c->closed_in_tree.pid != 0)
		return true;
	if (c->sockets.n > 0)
		qsort(c->sockets.at, c->sockets.n, sizeof(*c->sockets.at), by_number);
	for (size_t i = 0; i < c->sockets.n; i++) {
		if (hd_draft_leads_outside(c->d, c->sockets.at[i], c->sockets.at, c->sockets.n))
			return true;
	}
	return false;
}

/* Shared memory that never had a descriptor cannot be passed on, and an exec gives it up. */
static bool is_anonymous(const struct hd_object *object)
{
	return object->kind == HD_OBJ_SHM && strcmp(object->label, "/dev/zero") == 0;
}

static void note_closed_by(struct hd_draft *d, uint32_t o, const struct culprit *who, const char *what)
{
	if (who->pid != 0)
		hd_draft_unseen(d, o, hd_arena_printf(d->arena, "process %d (%s) cannot be looked into and may %s", who->pid, who->name, what));
}

static void note_closed(struct census *c, uint32_t o, bool way_out)
{
	struct hd_draft *d = c->d;
	const struct hd_object *object = &d->objects.at[o];
	bool is_memory = object->kind == HD_OBJ_SHM;
	note_closed_by(d, o, &c->closed_in_tree, "hold it");
	if (is_anonymous(object) ? d->w->config.is_launched : !way_out && !hd_watcher_inherited(d->w, object->label))
		return;
	if (hd_roster_hides(&d->roster, d->own_pid_ns))
		hd_draft_unseen(d, o, "processes that cannot be seen from here (outside this container, or hidden) may hold it");
	note_closed_by(d, o, &c->closed, "hold it");
	if (is_memory)
		note_closed_by(d, o, &c->maps_closed, "share the memory");
}

/* A call that moves data from one file to another has both, also when their numbers were closed since: sendfile, splice, tee. */
static const struct hd_thread *find_mover(const struct hd_snapshot *snap)
{
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		const struct hd_thread *th = &snap->threads[t];
		if (th->call_known && th->abi == HD_ABI_X86_64 && (th->nr == 40 || th->nr == 275 || th->nr == 276))
			return th;
	}
	return NULL;
}

static void note_mover(struct hd_draft *d, uint32_t o)
{
	const struct hd_thread *th = find_mover(d->snap);
	enum hd_obj_kind kind = d->objects.at[o].kind;
	if (th != NULL && (kind == HD_OBJ_PIPE || kind == HD_OBJ_FIFO || kind == HD_OBJ_UNIX || kind == HD_OBJ_TCP))
		hd_draft_outside(d, o, "thread %d moves data between two files, and it may be one of them", th->tid);
}

static void note_under_way(struct hd_draft *d, uint32_t o, const struct culprit *in_flight, const struct culprit *ring)
{
	if (in_flight->pid != 0)
		hd_draft_outside(d, o, "a descriptor is on its way to process %d (%s)", in_flight->pid, in_flight->name);
	if (ring->pid != 0)
		hd_draft_outside(d, o, "process %d (%s) has an io_uring, which may hold it", ring->pid, ring->name);
}

static void note_unseen(struct census *c, uint32_t o, bool way_out)
{
	static const uint64_t none[1];
	struct hd_draft *d = c->d;
	note_closed(c, o, way_out);
	if (is_anonymous(&d->objects.at[o]))
		return;
	/* What was made in the tree and could not leave it, is not under way among others. */
	bool is_sealed = !way_out && !hd_watcher_inherited(d->w, d->objects.at[o].label);
	const uint64_t *own = c->sockets.n > 0 ? c->sockets.at : none;
	note_under_way(d, o, &c->in_flight_in_tree, &c->ring_in_tree);
	if (!is_sealed)
		note_under_way(d, o, &c->in_flight, &c->ring);
	if (hd_draft_has_embryos(d, is_sealed ? own : NULL, c->sockets.n))
		hd_draft_outside(d, o, "a descriptor may be on its way through a connection that nobody accepted yet");
}

static void note_drivers(const struct census *c, uint32_t o)
{
	const struct hd_object *object = &c->d->objects.at[o];
	for (uint32_t i = 0; object->kind == HD_OBJ_EVENTFD && i < object->n_holders; i++) {
		for (size_t k = 0; k < c->with_device.n; k++) {
			if (c->d->snap->procs[object->holders[i].proc].pid == c->with_device.at[k])
				hd_draft_outside(c->d, o, "a driver may signal it");
		}
	}
}

/* A reader whose writers are all gone gets the end of the file: if it waits, somebody holds an end unseen. */
static void note_missing_end(struct hd_draft *d, uint32_t o, const struct row *rows, size_t n)
{
	const struct hd_draft_object *more = &d->objects_more.at[o];
	enum hd_obj_kind kind = d->objects.at[o].kind;
	bool reads = false, writes = false;
	if (kind != HD_OBJ_PIPE && kind != HD_OBJ_FIFO)
		return;
	for (size_t i = 0; i < n; i++) {
		reads |= rows[i].reads;
		writes |= rows[i].writes;
	}
	if ((more->wants_data && !writes) || (more->wants_room && !reads))
		hd_draft_outside(d, o, "nobody is seen at the other end");
}

/* Who holds a lock to write of an open description, has it alone: if one was seen with it, that is the one. */
static bool is_ofd_seen(const struct census *c, uint32_t o, const struct hd_file_lock *lock)
{
	for (size_t i = 0; lock->is_write && i < c->ofd_locks.n; i++) {
		if (c->ofd_locks.at[i].object == o && c->ofd_locks.at[i].range == lock->range)
			return true;
	}
	return false;
}

/* Anybody may lock a file by its name: the kernel's list says whether somebody outside did.  For locks of open descriptions
 * it does not say who: there the descriptions that were seen have to make up for all of it, and whoever could have got
 * such a description matters.  False = not everybody is known. */
static bool check_lockers(const struct census *c, uint32_t o)
{
	struct hd_draft *d = c->d;
	const struct hd_object *object = &d->objects.at[o];
	struct hd_file_lock lock;
	char *text;
	size_t len;
	bool bad = false, all_seen = true, held = false;
	if (hd_procfs_text(d->arena, 16 << 20, &text, &len, "/proc/locks") < 0)
		return false;
	for (const char *at = text; hd_locks_next(&at, &lock, &bad);) {
		if (lock.is_waiter || lock.ino != object->id || lock.dev_major != object->dev_major ||
		    lock.dev_minor != object->dev_minor)
			continue;
		held = true;
		all_seen &= lock.is_ofd ? is_ofd_seen(c, o, &lock) : lock.pid > 0;
		if (lock.pid > 0 && hd_draft_find_proc(d, lock.pid) == HD_NONE)
			hd_draft_outside(d, o, "process %d, which hangdog does not guard, locked it", lock.pid);
	}
	if (!held || !all_seen || bad)
		hd_draft_outside(d, o, "not everybody who locked it is seen");
	return held && all_seen && !bad;
}

static void apply(struct census *first, struct census *second)
{
	struct hd_draft *d = first->d;
	size_t at = 0, at2 = 0, n, n2;
	bool way_out = has_way_out(first) || has_way_out(second);
	for (uint32_t o = 0; o < d->objects.n; o++) {
		const struct row *rows = rows_of(first, o, &at, &n), *rows2 = rows_of(second, o, &at2, &n2);
		if (!d->objects_more.at[o].is_wanted) {
			hd_draft_outside(d, o, "its holders were not looked up: whoever waits on it can go on anyway");
			continue;
		}
		add_holders(d, o, rows, n);
		if (!same_rows(rows, n, rows2, n2))
			hd_draft_outside(d, o, "its holders changed while hangdog looked");
		note_missing_end(d, o, rows, n);
		bool is_lock = d->objects.at[o].kind == HD_OBJ_FILELOCK;
		note_unseen(first, o, way_out || (is_lock && !check_lockers(first, o)));
		note_unseen(second, o, way_out || (is_lock && !check_lockers(second, o)));
		note_drivers(first, o);
		note_mover(d, o);
	}
}

void hd_draft_census(struct hd_draft *d)
{
	HD_CLEAN(release_census) struct census first = {.d = d}, second = {.d = d};
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
	apply(&first, &second);
}
