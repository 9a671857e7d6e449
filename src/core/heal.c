#include "hangdog/heal.h"

#include <inttypes.h>
#include <string.h>

#include "core/cause.h"
#include "core/report_stack.h"
#include "hangdog/locks.h"

/* ---- writes ------------------------------------------------------------------------------------------------------ */

/* Plans one write over what is there now. */
static bool put(struct hd_heal *h, struct hd_mem *mem, uint64_t addr, uint8_t len, uint64_t value)
{
	uint64_t now = 0;
	if (h->n_writes == HD_HEAL_WRITES_MAX || addr % len != 0 || hd_mem_read(mem, addr, &now, len) < 0)
		return false;
	h->writes[h->n_writes++] = (struct hd_heal_write){.addr = addr, .len = len, .expected = now, .value = value};
	return true;
}

static const char changed[] = "its memory cannot be read, or changes while it is looked at";
static const char odd[] = "its words are in no state that hangdog knows how to end";

/* ---- recipes, by layout: NULL = planned, else why not --------------------------------------------------------------- */

/* glibc pthread_mutex_t: 0 lock, 4 count, 8 owner, 0xc nusers, 0x10 kind.  With the lock word alone freed, the next owner
 * aborts ("owner == 0", nptl/pthread_mutex_lock.c), so all four; nusers also counts waiters of condition variables. */
static const char *free_glibc_mutex(struct hd_heal *h, const struct hd_lock *lock, struct hd_mem *mem)
{
	enum { PI = 0x20, PP = 0x40, ROBUST = 0x10 };
	uint32_t w[5];
	if (hd_mem_read(mem, lock->base, w, sizeof(w)) < 0)
		return changed;
	bool is_robust = (w[4] & ROBUST) != 0;
	if ((w[4] & (PI | PP)) != 0)
		return "the kernel or the C library keeps books of its own about a mutex with priorities";
	if (is_robust ? (w[0] & 0x3fffffff) != w[2] || w[2] == 0 : w[0] != 2)
		return odd;
	if ((w[2] != 0) != (w[3] != 0)) /* caught between the two steps of taking or releasing it */
		return odd;
	uint64_t users = w[3] > 0 ? w[3] - 1 : 0;
	bool ok = put(h, mem, lock->base + 8, 8, users << 32) && put(h, mem, lock->base + 4, 4, 0) &&
		  put(h, mem, lock->base, 4, 0);
	return ok ? NULL : changed;
}

/* glibc pthread_rwlock_t (nptl/pthread_rwlock_common.c): 0 readers (bit 0 write phase, bit 1 write-locked, count << 3),
 * 4 writers, 8 wrphase_futex, 0xc writers_futex, 0x18 cur_writer.  Each recipe is the hand-over that the last holder would
 * have made, for one kind of waiters only: which of both comes first would be a guess. */
static const char *free_glibc_rwlock(struct hd_heal *h, const struct hd_lock *lock, struct hd_mem *mem)
{
	enum { PHASE = 1, LOCKED = 2, BOTH = 3 };
	uint64_t base = lock->base;
	uint32_t w[7];
	bool ok;
	if (hd_mem_read(mem, base, w, sizeof(w)) < 0)
		return changed;
	uint32_t bits = w[0] & BOTH, readers = w[0] >> 3;
	if (bits == LOCKED && readers > 0 && h->word == base + 8)
		/* Readers are gone, the first writer waits for its phase. */
		ok = put(h, mem, base + 8, 4, 1) && put(h, mem, base, 4, BOTH);
	else if (bits == BOTH && w[1] == 0 && readers > 0 && h->word == base + 8)
		/* The writer is gone, readers wait: their phase begins. */
		ok = put(h, mem, base + 0x18, 4, 0) && put(h, mem, base + 0xc, 4, 0) && put(h, mem, base, 4, w[0] & ~(uint32_t)BOTH) &&
		     put(h, mem, base + 8, 4, 0);
	else if (bits == BOTH && readers == 0 && h->word == base + 0xc)
		/* The writer is gone, writers wait. */
		ok = put(h, mem, base + 0x18, 4, 0) && put(h, mem, base, 4, PHASE) && put(h, mem, base + 0xc, 4, 0);
	else
		return "readers and writers wait for it, or its words are in no state that hangdog knows how to end";
	return ok ? NULL : changed;
}

/* sem_t: 0 value, 4 waiters: as one sem_post.  Python's locks up to 3.13.0; an RLock notes its owner besides. */
static const char *free_glibc_sem(struct hd_heal *h, const struct hd_lock *lock, struct hd_mem *mem)
{
	uint32_t value;
	if (hd_mem_u32(mem, lock->base, &value) < 0)
		return changed;
	if (value != 0)
		return odd;
	return put(h, mem, lock->base, 4, 1) ? NULL : changed;
}

/* libio/stdio-lock.h: 0 lock, 4 count, 8 owner. */
static const char *free_glibc_stdio(struct hd_heal *h, const struct hd_lock *lock, struct hd_mem *mem)
{
	bool ok = put(h, mem, lock->base + 8, 8, 0) && put(h, mem, lock->base + 4, 4, 0) && put(h, mem, lock->base, 4, 0);
	return ok ? NULL : changed;
}

/* 0 free, 1 taken, 2 taken and waited for: glibc's own locks (lowlevellock.h), Rust's Mutex (std/sys/sync/mutex/futex.rs). */
static const char *free_word(struct hd_heal *h, const struct hd_lock *lock, struct hd_mem *mem)
{
	uint32_t value;
	if (hd_mem_u32(mem, lock->base, &value) < 0)
		return changed;
	if (value != 2)
		return odd;
	return put(h, mem, lock->base, 4, 0) ? NULL : changed;
}

/* PyMutex (Include/internal/pycore_lock.h): bit 0 locked, bit 1 somebody is parked.  The waiter sleeps on a semaphore in
 * its own record in a list; a sem_wait that ends with EINTR makes it take itself off that list and try again
 * (Python/parking_lot.c, _PyParkingLot_Park), as any handled signal would. */
static const char *free_pymutex(struct hd_heal *h, const struct hd_lock *lock, struct hd_mem *mem)
{
	uint8_t byte;
	if (hd_mem_u8(mem, lock->base, &byte) < 0)
		return changed;
	if (byte != 3)
		return odd;
	h->breaks_call = true;
	return put(h, mem, lock->base, 1, 2) ? NULL : changed;
}

/* musl pthread_mutex_t: 0 type (0 normal, 1 recursive, 2 errorcheck), 4 lock, 0x14 count (pthread_mutex_trylock.c). */
static const char *free_musl_mutex(struct hd_heal *h, const struct hd_lock *lock, struct hd_mem *mem)
{
	uint32_t type;
	if (hd_mem_u32(mem, lock->base, &type) < 0)
		return changed;
	if ((type & 15) > 2)
		return "the kernel or the C library keeps books of its own about a robust mutex or one with priorities";
	return put(h, mem, lock->base + 0x14, 4, 0) && put(h, mem, lock->base + 4, 4, 0) ? NULL : changed;
}

/* Reentrant locks of Python (Modules/_threadmodule.c): owner and depth stand in the object, behind the lock. */
static bool forget_python_owner(struct hd_heal *h, const struct hd_lock *lock, struct hd_mem *mem)
{
	enum { OWNER = 8, COUNT = 16 };
	if (lock->rlock == 0)
		return true;
	return put(h, mem, lock->rlock + OWNER, 8, 0) && put(h, mem, lock->rlock + COUNT, 8, 0);
}

typedef const char *recipe_fn(struct hd_heal *h, const struct hd_lock *lock, struct hd_mem *mem);

static recipe_fn *const recipes[HD_LAYOUT_COUNT] = {
	[HD_LAYOUT_GLIBC_MUTEX] = free_glibc_mutex, [HD_LAYOUT_GLIBC_RWLOCK] = free_glibc_rwlock,
	[HD_LAYOUT_GLIBC_SEM] = free_glibc_sem,	    [HD_LAYOUT_GLIBC_STDIO] = free_glibc_stdio,
	[HD_LAYOUT_WORD] = free_word,		    [HD_LAYOUT_BYTE] = free_pymutex,
	[HD_LAYOUT_MUSL_MUTEX] = free_musl_mutex,
};

/* ---- what is freed at all --------------------------------------------------------------------------------------------- */

static const char no_lock[] = "it waits to be woken by a thread that does not exist: there is no lock to free";

/* Why a kind is never freed; NULL = its recipe decides. */
static const char *const refusals[HD_LOCK_COUNT] = {
	[HD_LOCK_UNKNOWN] = "what it waits for is not known to be a lock",
	[HD_LOCK_CONDITION] = no_lock,
	[HD_LOCK_COND_DESTROY] = no_lock,
	[HD_LOCK_BARRIER] = no_lock,
	[HD_LOCK_JOIN] = no_lock,
	[HD_LOCK_FUTURE] = no_lock,
	[HD_LOCK_TEAM] = no_lock,
	[HD_LOCK_PARKER] = no_lock,
	[HD_LOCK_ONCE] = "an initialisation that was begun is not done: its result would be half made",
	[HD_LOCK_CXX_GUARD] = "an initialisation that was begun is not done: the object would be half made",
	[HD_LOCK_MALLOC] = "the memory allocator was in the middle of something: its heap may be broken",
	[HD_LOCK_GIL] = "the Python interpreter was in the middle of something: its objects may be broken",
};

static bool is_shared(const struct hd_thread *th)
{
	return th->words[0].mapping != HD_MAPPING_PRIVATE;
}

static bool stack_names(const struct hd_stack *stack, const char *name)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		const struct hd_frame *f = &stack->at[i];
		if ((f->function != NULL && strcmp(f->function, name) == 0) || (f->called_as != NULL && strcmp(f->called_as, name) == 0))
			return true;
	}
	return false;
}

static bool has_signal_frame(const struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		if (stack->at[i].is_signal)
			return true;
	}
	return false;
}

/* Nobody is recorded as the holder: is it certain that it is nobody of this process? */
static const char *ownerless_doubt(const struct hd_snapshot *snap, const struct hd_thread *th)
{
	const struct hd_proc *pr = &snap->procs[th->proc];
	const struct hd_fork *fork = hd_proc_fork(pr);
	const struct hd_lock *lock = &th->lock;
	bool was_seen_held = lock->held_at_fork == HD_YES && lock->fork_owner_confidence == HD_CONF_HIGH;
	if (fork == NULL || !hd_fork_lost_threads(fork))
		return "nothing tells who holds it";
	if (was_seen_held && lock->inside_tid != 0)
		return "it was held at the fork, but a thread of this process may have made it anew and taken it since";
	if (was_seen_held)
		return lock->fork_owner_tid == fork->parent_tid ? "the thread that forked holds it and will release it itself" : NULL;
	if (lock->kind == HD_LOCK_SEMAPHORE)
		return "nothing tells whether this semaphore is a lock or a signal from one thread to another";
	if (!fork->is_seen)
		return "hangdog did not see the fork, and nothing tells who holds it";
	/* lock.acquire() leaves no trace of who called it, and holding a lock over a fork is common in Python. */
	if (lock->kind == HD_LOCK_PYTHON)
		return "nothing tells whether the thread that forked took it itself, and will release it itself";
	if (pr->n_threads != 1 || !pr->threads_complete)
		return "nothing tells who holds it, and another thread of the process might";
	/* With one thread it can only be that thread's own: taken before the fork, or below a signal handler. */
	if (has_signal_frame(&th->stack))
		return "it waits in a signal handler, and what the handler interrupted may hold the lock";
	if (lock->api != NULL && stack_names(&fork->stack, lock->api))
		return "the thread that forked was inside the same function and may hold the lock itself";
	return NULL;
}

/* Is the holder believable, and gone? */
static const char *holder_doubt(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_owner *owner = &v->threads[t].owner;
	if (th->lock.confidence != HD_CONF_HIGH)
		return th->lock.check_failed != NULL ? th->lock.check_failed : "what kind of lock it is, is not certain";
	if (owner->is_seen_inside)
		return "a thread of this process is in the block that holds it, and will release it itself";
	if (!hd_owner_counts(th, owner))
		return ownerless_doubt(snap, th);
	if (owner->state == HD_OWNER_FORKER)
		return "the thread that forked holds it: that is this process's own first thread, in the middle of using it";
	if (owner->state != HD_OWNER_INHERITED && owner->state != HD_OWNER_DEAD)
		return "its holder exists";
	if (!is_shared(th) && hd_owner_may_be_forker(snap, &snap->procs[th->proc], owner))
		return "hangdog did not see every fork that led here, so the holder may be this process's own first thread";
	return NULL;
}

/* A lock of several words is only rewritten while nobody else can touch it. */
static const char *bystander_doubt(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_proc *pr = &snap->procs[th->proc];
	if (th->lock.layout != HD_LAYOUT_GLIBC_RWLOCK)
		return NULL;
	if (is_shared(th))
		return "a read-write lock that processes share is more words than can be changed at once";
	for (uint32_t i = 0; i < pr->n_threads; i++) {
		if (v->threads[pr->first_thread + i].certainty == HD_CERT_NONE)
			return "other threads of the process run on and may be using it";
	}
	return NULL;
}

static const char *why_not(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_lock *lock = &th->lock;
	const char *why;
	if (v->threads[t].certainty < HD_CERT_OWNED)
		return "it is not proven that it hangs";
	if (v->threads[t].wait.kind != HD_WAIT_FUTEX || th->n_words != 1 || !th->call_known)
		return "it does not wait for a lock";
	if (refusals[lock->kind] != NULL)
		return refusals[lock->kind];
	if (lock->is_pi)
		return "the kernel keeps books of its own about a mutex that inherits priorities";
	if (th->abi != HD_ABI_X86_64 || lock->base == 0 || lock->layout >= HD_LAYOUT_COUNT || recipes[lock->layout] == NULL)
		return "hangdog has no tried recipe for this kind of lock";
	if ((why = holder_doubt(snap, v, t)) != NULL)
		return why;
	return bystander_doubt(snap, v, t);
}

/* ---- texts ------------------------------------------------------------------------------------------------------------- */

static const char *what_text(const struct hd_snapshot *snap, const struct hd_thread *th, struct hd_arena *arena)
{
	const struct hd_lock *lock = &th->lock;
	int32_t pid = snap->procs[th->proc].pid;
	if (lock->name != NULL)
		return hd_arena_printf(arena, "%s, %s, in process %" PRId32, lock->name, hd_lock_what(lock), pid);
	return hd_arena_printf(arena, "%s in process %" PRId32, hd_lock_what(lock), pid);
}

static const struct hd_fork_other *holder_of(const struct hd_fork *fork, const struct hd_lock *lock, const struct hd_owner *owner)
{
	if (fork == NULL)
		return NULL;
	if (owner->state == HD_OWNER_INHERITED && owner->fork_other < fork->n_others)
		return &fork->others[owner->fork_other];
	for (uint32_t i = 0; i < fork->n_others && lock->fork_owner_tid != 0; i++) {
		if (fork->others[i].tid == lock->fork_owner_tid)
			return &fork->others[i];
	}
	return NULL;
}

/* Where the holder was, in the words of its own program rather than of Python's library. */
static const struct hd_frame *own_frame(const struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		const struct hd_frame *f = &stack->at[i];
		bool is_library = f->file == NULL || (strstr(f->file, "/lib/python") != NULL && strstr(f->file, "-packages/") == NULL);
		if (f->kind == HD_FRAME_PYTHON && !is_library && f->file[0] != '<')
			return f;
	}
	return hd_stack_own(stack);
}

static const char *danger_text(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t, struct hd_arena *arena)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_owner *owner = &v->threads[t].owner;
	const struct hd_fork_other *holder = holder_of(hd_proc_fork(&snap->procs[th->proc]), &th->lock, owner);
	const struct hd_frame *own = holder != NULL ? own_frame(&holder->stack) : NULL;
	if (own != NULL && own->function != NULL)
		return hd_arena_printf(arena, "thread %" PRId32 " was in %s() with it and never finished: what the lock guards may be half changed",
				       holder->tid, own->function);
	if (owner->tid != 0)
		return hd_arena_printf(arena, "thread %" PRId32 " held it and never finished: what the lock guards may be half changed",
				       owner->tid);
	return "whoever held it never finished: what the lock guards may be half changed";
}

/* ---- the plan ---------------------------------------------------------------------------------------------------------- */

static bool is_same_lock(const struct hd_snapshot *snap, uint32_t a, uint32_t b)
{
	const struct hd_thread *x = &snap->threads[a], *y = &snap->threads[b];
	const struct hd_word *v = &x->words[0], *w = &y->words[0];
	if (v->mapping == HD_MAPPING_SHARED && w->mapping == HD_MAPPING_SHARED)
		return v->dev_major == w->dev_major && v->dev_minor == w->dev_minor && v->ino == w->ino &&
		       x->lock.base - v->addr + v->offset == y->lock.base - w->addr + w->offset;
	return v->mapping == w->mapping && snap->procs[x->proc].mm == snap->procs[y->proc].mm && x->lock.base == y->lock.base;
}

static bool is_orphan_wait(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	if (!v->threads[t].is_culprit || v->threads[t].certainty < HD_CERT_OWNED || snap->threads[t].n_words == 0)
		return false;
	enum hd_cause cause = hd_cause_of_thread(snap, v, t);
	return cause == HD_CAUSE_INHERITED_LOCK || cause == HD_CAUSE_DEAD_HOLDER;
}

uint32_t hd_heal_targets(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena, uint32_t **ret,
			 const char **ret_refusal)
{
	uint32_t *at = HD_NEW_N(arena, (size_t)snap->n_threads + 1, uint32_t), n = 0;
	bool *has_one = HD_NEW_N(arena, (size_t)snap->n_procs + 1, bool);
	*ret_refusal = v->kind == HD_VERDICT_DEADLOCK ? NULL : "nothing is proven to hang";
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		uint32_t i = 0;
		if (!is_orphan_wait(snap, v, t))
			continue;
		has_one[snap->threads[t].proc] = true;
		while (i < n && !is_same_lock(snap, at[i], t))
			i++;
		if (i == n)
			at[n++] = t;
	}
	for (uint32_t i = 0; i < v->n_culprits && *ret_refusal == NULL; i++) {
		const struct hd_proc *pr = &snap->procs[v->culprits[i]];
		if (!has_one[v->culprits[i]])
			*ret_refusal = hd_arena_printf(arena, "process %" PRId32 " does not wait for an orphaned lock (%s)", pr->pid,
						       hd_cause_name(v->procs[v->culprits[i]].cause) != NULL
							       ? hd_cause_name(v->procs[v->culprits[i]].cause) : "unknown");
	}
	*ret = at;
	return n;
}

const char *hd_heal_plan(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t, struct hd_mem *mem,
			 struct hd_arena *arena, struct hd_heal *ret)
{
	const struct hd_thread *th = &snap->threads[t];
	const char *why = why_not(snap, v, t);
	if (why != NULL)
		return why;
	struct hd_heal h = {.pid = snap->procs[th->proc].pid, .tid = th->tid, .start = th->start, .nr = th->nr,
			    .word = th->words[0].addr, .sp = th->sp, .lock = th->lock.base};
	if (!forget_python_owner(&h, &th->lock, mem))
		return changed;
	why = recipes[th->lock.layout](&h, &th->lock, mem);
	if (why != NULL)
		return why;
	h.what = what_text(snap, th, arena);
	h.danger = danger_text(snap, v, t, arena);
	*ret = h;
	return NULL;
}
