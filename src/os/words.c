/* Time limits, futex words and the locks behind them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "hangdog/copy.h"
#include "hangdog/forkev.h"
#include "hangdog/locks.h"
#include "os/draft.h"
#include "os/lock_place.h"
#include "os/procfile.h"
#include "os/shmname.h"

enum {
	NR_SELECT = 23,
	NR_RT_SIGTIMEDWAIT = 128,
	NR_FUTEX = 202,
	NR_SEMTIMEDOP = 220,
	NR_PSELECT6 = 270,
	NR_PPOLL = 271,
	NR_EPOLL_PWAIT2 = 441,
	NR_FUTEX_WAITV = 449,
	FUTEX_CMD_MASK = 0x7f,
	FUTEX_PRIVATE = 0x80,
	WAITV_MAX = 128, /* kernel: FUTEX_WAITV_MAX */
};

/* ---- time limits -------------------------------------------------------------------------------------------------- */

/* Calls whose limit is a length of time, not a point in time, so that it can be told. */
static bool is_relative(const struct hd_thread *t)
{
	static const int64_t calls[] = {NR_SELECT, NR_RT_SIGTIMEDWAIT, NR_SEMTIMEDOP, NR_PSELECT6, NR_PPOLL, NR_EPOLL_PWAIT2};
	if (t->nr == NR_FUTEX)
		return (t->args[1] & FUTEX_CMD_MASK) == 0; /* FUTEX_WAIT */
	for (size_t i = 0; i < HD_COUNTOF(calls); i++) {
		if (t->nr == calls[i])
			return true;
	}
	return false;
}

static int64_t read_limit(struct hd_mem *mem, const struct hd_thread *t, uint64_t addr)
{
	int64_t at[2];
	if (mem == NULL || t->abi != HD_ABI_X86_64 || !is_relative(t) || hd_mem_read(mem, addr, at, sizeof(at)) < 0)
		return -1;
	int64_t unit = t->nr == NR_SELECT ? HD_NS_PER_US : 1; /* timeval, else timespec */
	if (at[0] < 0 || at[0] >= INT64_MAX / HD_NS_PER_S - 1 || at[1] < 0 || at[1] >= HD_NS_PER_S)
		return -1;
	return at[0] * HD_NS_PER_S + at[1] * unit;
}

void hd_draft_limit(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	const struct hd_call *call = &d->threads[t].call;
	bool by_pointer = call->timeout_arg >= 0 && thread->args[call->timeout_arg] != 0;
	thread->has_timeout = by_pointer || !call->is_unbounded ? HD_YES : HD_NO;
	thread->timeout_ns = -1;
	if (by_pointer)
		thread->timeout_ns = read_limit(hd_draft_mem(d, thread->proc), thread, thread->args[call->timeout_arg]);
	else if (call->timeout_ms >= 0)
		thread->timeout_ns = call->timeout_ms * HD_NS_PER_MS;
}

/* ---- words ---------------------------------------------------------------------------------------------------------- */

static void read_value(struct hd_mem *mem, struct hd_word *word)
{
	word->value_known = mem != NULL && hd_mem_u32(mem, word->addr, &word->value) == 0;
}

/* struct futex_waitv, include/uapi/linux/futex.h */
struct waitv {
	uint64_t value, addr;
	uint32_t flags, reserved;
};

static void read_waitv(struct hd_draft *d, struct hd_thread *thread, struct hd_mem *mem)
{
	uint64_t n = thread->args[1];
	struct waitv v[WAITV_MAX];
	if (mem == NULL || n == 0 || n > WAITV_MAX || hd_mem_read(mem, thread->args[0], v, n * sizeof(*v)) < 0)
		return;
	thread->words = HD_NEW_N(d->arena, n, struct hd_word);
	thread->n_words = (uint32_t)n;
	for (uint32_t i = 0; i < n; i++) {
		thread->words[i] = (struct hd_word){.addr = v[i].addr, .expected = (uint32_t)v[i].value,
						    .op_private = (v[i].flags & FUTEX_PRIVATE) != 0, .sharers_object = HD_NONE};
		read_value(mem, &thread->words[i]);
	}
}

void hd_draft_words(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	const struct hd_call *call = &d->threads[t].call;
	if (call->need != HD_NEED_FUTEX)
		return;
	struct hd_mem *mem = hd_draft_mem(d, thread->proc);
	if (call->nr == NR_FUTEX_WAITV) {
		read_waitv(d, thread, mem);
		return;
	}
	for (uint32_t i = 0; i < thread->n_words; i++)
		read_value(mem, &thread->words[i]);
}

bool hd_draft_words_agree(struct hd_draft *d, uint32_t t)
{
	const struct hd_thread *thread = &d->snap->threads[t];
	struct hd_mem *mem = thread->n_words > 0 ? hd_draft_mem(d, thread->proc) : NULL;
	for (uint32_t i = 0; i < thread->n_words; i++) {
		struct hd_word again = thread->words[i];
		read_value(mem, &again);
		if (again.value_known != thread->words[i].value_known || again.value != thread->words[i].value)
			return false;
	}
	return true;
}

static const struct hd_py_view *python_of(struct hd_draft *d, uint32_t p)
{
	struct hd_draft_proc *more = &d->procs[p];
	const struct hd_maps *maps = hd_draft_maps(d, p);
	struct hd_mem *mem = hd_draft_mem(d, p);
	if (!more->is_python_tried && maps != NULL && mem != NULL) {
		more->is_python_tried = true;
		if (hd_py_view_read(&d->w->interps, /* is_deep= */ false, d->snap, &d->snap->procs[p], more->via, mem, maps, d->arena, &more->python))
			d->snap->procs[p].python = hd_arena_str(d->arena, hd_python_version(more->python.py));
	}
	return more->python.py != NULL ? &more->python : NULL;
}

/* ---- shared memory ---------------------------------------------------------------------------------------------------- */

/* For who may not ask for the count of names.  Who has no such right cannot look into everybody either: one of those may
 * have opened the file while it had a name, if that could be known (docs/decisions/0023-names-of-shared-memory.md). */
static bool was_secret(struct hd_draft *d, uint32_t p, uint32_t o, const struct hd_map *map)
{
	struct hd_draft_object *more = &d->objects_more.at[o];
	enum hd_shm_secret secret = hd_shm_secret(map->path);
	if (secret == HD_SHM_PUBLIC || (secret == HD_SHM_MADE_HERE && python_of(d, p) == NULL))
		return false;
	more->is_for_semlocks |= secret == HD_SHM_MADE_HERE;
	if (!more->is_nameless)
		more->is_nameless = hd_shm_has_name(d->procs[p].via, map->dev_major, map->dev_minor, map->ino) == HD_NO;
	return more->is_nameless;
}

/* "Deleted" is only the name it was mapped by; sem_open(3) links its file under another one (glibc sem_open.c, temporary
 * name, link, unlink).  Memory of the kernel's own making never has a name; of the rest its count of names is asked. */
static bool is_nameless(struct hd_draft *d, uint32_t p, uint32_t o, const struct hd_map *map)
{
	char path[96];
	struct statx st;
	if (strncmp(map->path, "/memfd:", 7) == 0 || strcmp(map->path, "/dev/zero") == 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", d->procs[p].via, (unsigned long)map->start, (unsigned long)map->end);
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_NLINK | STATX_INO, &st) == 0)
		return st.stx_ino == map->ino && st.stx_nlink == 0;
	return errno == EPERM && was_secret(d, p, o, map);
}

static uint32_t shared_object(struct hd_draft *d, uint32_t p, const struct hd_map *map)
{
	uint32_t o = hd_draft_object(d, HD_OBJ_SHM, map->ino, map->dev_major, map->dev_minor);
	if (o == HD_NONE)
		return o;
	d->objects.at[o].label = map->path[0] != '\0' ? hd_arena_str(d->arena, map->path) : "shared memory";
	d->objects_more.at[o].is_wanted = true;
	/* The kernel marks memory that has no name as deleted from its birth (memfd, /dev/zero), System V segments always. */
	if (!map->deleted)
		hd_draft_outside(d, o, "whoever opens the file %s could share this memory", map->path);
	else if (strncmp(map->path, "/SYSV", 5) == 0)
		hd_draft_outside(d, o, "anybody may attach this System V shared memory");
	else if (d->objects.at[o].outside == NULL && !is_nameless(d, p, o, map))
		hd_draft_outside(d, o, "the memory %s may have another name, by which somebody could open it", map->path);
	return o;
}

static void map_word(struct hd_draft *d, uint32_t p, const struct hd_maps *maps, bool is_candidate, struct hd_word *word)
{
	const struct hd_map *map = hd_maps_find(maps, word->addr);
	if (map == NULL)
		return;
	if (!map->shared) {
		/* A file's page that was never written is the file's own: keyed by inode unless the call says private. */
		word->mapping = map->ino != 0 && !map->writable ? HD_MAPPING_UNKNOWN : HD_MAPPING_PRIVATE;
		return;
	}
	word->mapping = HD_MAPPING_SHARED;
	word->dev_major = map->dev_major;
	word->dev_minor = map->dev_minor;
	word->ino = map->ino;
	word->offset = map->offset + (word->addr - map->start);
	if (is_candidate && !word->op_private)
		word->sharers_object = shared_object(d, p, map);
}

void hd_draft_mapping(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	const struct hd_maps *maps = thread->n_words > 0 ? hd_draft_maps(d, thread->proc) : NULL;
	for (uint32_t i = 0; maps != NULL && i < thread->n_words; i++)
		map_word(d, thread->proc, maps, d->threads[t].is_candidate, &thread->words[i]);
}

/* ---- locks -------------------------------------------------------------------------------------------------------------- */

/* The stack of a wait does not change while the thread does not run: unwound once a wait. */
static const struct hd_stack *wait_stack(struct hd_draft *d, uint32_t t, const struct hd_unwind_query *query)
{
	struct hd_sighting *seen = d->threads[t].seen;
	if (seen->stack_arena == NULL || seen->stack_lacks_names) {
		hd_arena_free(seen->stack_arena);
		seen->stack_arena = hd_arena_new();
		hd_unwind(d->w->config.unwinder, query, seen->stack_arena, &seen->stack);
		seen->stack_lacks_names = hd_unwinder_is_starved(d->w->config.unwinder);
	}
	return &seen->stack;
}

/* A number found in memory counts in the PID namespace of the process; only in ours can it be looked for. */
static enum hd_tri task_exists(const struct hd_draft *d, const struct hd_proc *proc, int32_t tid)
{
	struct hd_stat stat;
	if (proc->pid_ns == 0 || proc->pid_ns != d->own_pid_ns)
		return HD_UNKNOWN;
	int r = hd_procfile_stat(tid, tid, &stat);
	if (r < 0)
		return r == -ESRCH ? HD_NO : HD_UNKNOWN;
	return stat.state == 'Z' || stat.state == 'X' ? HD_NO : HD_YES;
}

/* Was the lock taken at the fork, and by whom?  Asked of the Python stacks that were read at the birth: the frames of the
 * threads that the fork did not copy still lie in this memory. */
static void python_holder(struct hd_python *py, struct hd_mem *mem, const struct hd_fork *fork, struct hd_arena *arena,
			  const struct hd_word *word, struct hd_lock *lock)
{
	const struct hd_fork_raw *raw = fork != NULL ? fork->raw : NULL;
	if (raw == NULL || fork->n_others == 0)
		return;
	struct hd_py_threads threads = {.at = HD_NEW_N(arena, fork->n_others + 1, struct hd_py_thread)};
	for (uint32_t i = 0; i < fork->n_others; i++)
		threads.at[i] = (struct hd_py_thread){.thread_id = fork->others[i].tls, .stack = raw->others[i].python};
	threads.at[fork->n_others].stack = raw->python;
	threads.n = fork->n_others + 1;
	int holder = hd_python_lock_holder(py, mem, word->addr, &threads);
	bool is_sure = holder >= 0;
	if (!is_sure)
		holder = hd_python_lock_user(py, mem, word->addr, &threads);
	/* The thread that forked lives on here: a guess about it is none about a thread that is gone. */
	if (holder < 0 || (!is_sure && (uint32_t)holder == fork->n_others))
		return;
	lock->held_at_fork = is_sure ? HD_YES : HD_UNKNOWN;
	lock->fork_owner_tid = (uint32_t)holder < fork->n_others ? fork->others[holder].tid : fork->parent_tid;
	lock->fork_owner_confidence = is_sure ? HD_CONF_HIGH : HD_CONF_LOW;
}

/* Earlier forks of this tree hung on this lock: the newborn was asked whether it was taken already. */
static void held_at_birth(const struct hd_fork *fork, const struct hd_word *word, struct hd_lock *lock)
{
	for (uint32_t i = 0; fork != NULL && fork->raw != NULL && i < fork->raw->n_words; i++) {
		const struct hd_fork_word *was = &fork->raw->words[i];
		if (was->addr != word->addr || was->held == HD_UNKNOWN)
			continue;
		lock->held_at_fork = was->held;
		lock->fork_owner_tid = was->owner_tid;
		lock->fork_owner_confidence = was->owner_tid != 0 ? HD_CONF_HIGH : HD_CONF_NONE;
	}
}

/* The interpreter's own affairs: no variable leads there. */
static bool is_interpreters(const struct hd_lock *lock)
{
	return lock->kind == HD_LOCK_GIL ||
	       (lock->kind == HD_LOCK_PARKER && lock->family != NULL && strcmp(lock->family, "cpython") == 0);
}

static void python_lock(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	const struct hd_proc *proc = &d->snap->procs[thread->proc];
	const struct hd_py_view *view = python_of(d, thread->proc);
	const struct hd_py_thread *waiter = view != NULL ? hd_py_view_thread(view, proc, t) : NULL;
	struct hd_mem *mem = hd_draft_mem(d, thread->proc);
	if (waiter == NULL || mem == NULL || is_interpreters(&thread->lock))
		return;
	const char *name = hd_python_lock_name(view->py, mem, thread->words[0].addr, waiter, d->arena);
	if (name != NULL)
		thread->lock.name = name;
	if (thread->lock.held_at_fork == HD_UNKNOWN)
		python_holder(view->py, mem, proc->fork, d->arena, &thread->words[0], &thread->lock);
}

static bool is_same_place(const struct hd_wait_place *a, const struct hd_wait_place *b)
{
	return a->addr == b->addr && a->pc == b->pc && a->proc == b->proc && a->expected == b->expected;
}

/* Pools have hundreds of threads in the very same wait: one of them stands for all. */
static bool share_lock(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	struct hd_wait_place place = {.addr = thread->words[0].addr, .pc = thread->pc, .proc = thread->proc, .expected = thread->words[0].expected};
	struct hd_wait_entry *entry = hd_table_find(&d->wait_index, place.addr);
	while (entry != NULL && !is_same_place(&entry->place, &place))
		entry = hd_table_again(entry);
	if (entry != NULL) {
		thread->lock = d->snap->threads[entry->thread].lock;
		return true;
	}
	entry = HD_NEW(d->arena, struct hd_wait_entry);
	entry->place = place;
	entry->thread = t;
	hd_table_add(&d->wait_index, place.addr, entry);
	return false;
}

void hd_draft_lock(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	const struct hd_proc *proc = &d->snap->procs[thread->proc];
	const struct hd_maps *maps = hd_draft_maps(d, thread->proc);
	struct hd_mem *mem = hd_draft_mem(d, thread->proc);
	if (thread->n_words == 0 || maps == NULL || mem == NULL || d->w->config.unwinder == NULL ||
	    share_lock(d, t))
		return;
	struct hd_unwind_query unwind = {.pid = d->procs[thread->proc].via, .start = proc->start, .generation = hd_maps_generation(maps), .maps = maps,
					 .mem = mem, .regs = {.sp = thread->sp, .pc = thread->pc}};
	const struct hd_map *stack_map = hd_maps_find(maps, thread->sp);
	unwind.stack_end = stack_map != NULL ? stack_map->end : 0;
	const struct hd_stack *stack = wait_stack(d, t, &unwind);
	struct hd_lock_query query = {.word = &thread->words[0], .is_pi = d->threads[t].call.futex_pi, .sp = thread->sp,
				      .stack = stack, .maps = maps, .tid = thread->tid, .ns_tid = thread->ns_tid,
				      .abi = thread->abi};
	query.op = thread->nr == NR_FUTEX && thread->abi == HD_ABI_X86_64 ? (uint32_t)thread->args[1] : 0;
	hd_lock_classify(mem, &query, d->arena, &thread->lock);
	held_at_birth(proc->fork, &thread->words[0], &thread->lock);
	python_lock(d, t);
	hd_lock_name(d->w->config.unwinder, &unwind, d->arena, &thread->lock);
	if (thread->lock.owner_tid != 0)
		thread->lock.owner_exists = task_exists(d, proc, thread->lock.owner_tid);
	thread->stack = hd_stack_copy(stack, d->arena);
}
