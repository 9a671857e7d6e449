/* musl's objects from the futex word, locks.md section 2.4 (measured on 1.2.3; src/internal/pthread_impl.h and
 * src/thread/).  musl exports the same names as glibc with other layouts: only ever used for a musl C library. */
#include "parse/lock_readers.h"

#define MUSL_WAITERS 0x80000000u
#define MUSL_TYPE 3u
#define MUSL_ROBUST 4u
#define MUSL_PI 8u
#define MUSL_PSHARED 128u
#define MUSL_BUSY 0x10u /* EBUSY: a normal mutex holds no tid */
#define MUSL_WRITE_HELD 0x7fffffffu
#define MUSL_FILE_TID 0x3fffffffu

static void musl_begin(struct hd_probe *p, enum hd_lock_kind kind, uint64_t base, enum hd_lock_layout layout)
{
	p->lock->kind = kind;
	p->lock->family = "musl";
	p->lock->base = base;
	p->lock->layout = (uint8_t)layout;
}

static void musl_end(struct hd_probe *p, uint64_t size, unsigned align)
{
	hd_probe_check_word(p);
	hd_probe_check_place(p, p->lock->base, size, align);
}

/* 0 type, 4 lock, 8 waiters; 40 bytes */
void hd_musl_mutex(struct hd_probe *p)
{
	uint32_t w[3];
	musl_begin(p, HD_LOCK_MUTEX, p->uaddr - 4, HD_LAYOUT_MUSL_MUTEX);
	if (hd_mem_read(p->mem, p->lock->base, w, sizeof(w)) < 0) {
		hd_probe_fail(p, "the mutex could not be read");
		return;
	}
	bool has_tid = (w[0] & (MUSL_TYPE | MUSL_ROBUST | MUSL_PI)) != 0;
	uint32_t tid = w[1] & HD_FUTEX_TID_MASK;
	p->lock->is_held = (w[1] & ~MUSL_WAITERS) != 0;
	p->lock->is_recursive = (w[0] & MUSL_TYPE) == 1;
	p->lock->is_robust = (w[0] & MUSL_ROBUST) != 0;
	p->lock->is_pi = (w[0] & MUSL_PI) != 0;
	p->lock->is_pshared = (w[0] & MUSL_PSHARED) != 0;
	p->lock->owner_tid = has_tid && hd_tid_ok(tid) ? (int32_t)tid : 0;
	p->lock->owner_releases = true;
	hd_probe_check(p, (w[0] & ~(MUSL_TYPE | MUSL_ROBUST | MUSL_PI | MUSL_PSHARED)) == 0 && (w[0] & MUSL_TYPE) != 3,
		       "the type field is not one of a mutex");
	hd_probe_check(p, has_tid ? hd_tid_ok(tid) : (w[1] & ~MUSL_WAITERS) == MUSL_BUSY,
		       "the word is not one of a mutex");
	hd_probe_check_shared(p, (w[0] & MUSL_PSHARED) != 0);
	bool is_pi_call = p->cmd == HD_FUTEX_LOCK_PI || p->cmd == HD_FUTEX_LOCK_PI2;
	/* The kernel counts the waiters of PI mutexes. */
	hd_probe_check(p, is_pi_call || (w[2] >= 1 && w[2] <= HD_TID_MAX), "the mutex counts no waiter");
	hd_probe_check(p, is_pi_call == p->lock->is_pi, "the futex command does not fit the mutex kind");
	if (!is_pi_call)
		hd_probe_check_word(p);
	hd_probe_check_place(p, p->lock->base, 40, 8);
}

/* 0 word: 0x7fffffff = written to, else readers; top bit = waiters.  4 waiters, 8 shared */
static void musl_rwlock(struct hd_probe *p, enum hd_lock_kind kind)
{
	uint32_t w[3] = {0};
	musl_begin(p, kind, p->uaddr, HD_LAYOUT_MUSL_RWLOCK);
	hd_probe_check(p, hd_mem_read(p->mem, p->uaddr, w, sizeof(w)) == 0, "the read-write lock could not be read");
	uint32_t count = w[0] & ~MUSL_WAITERS;
	p->lock->readers = count == MUSL_WRITE_HELD ? 0 : count;
	p->lock->is_held = count != 0;
	p->lock->is_pshared = w[2] != 0;
	hd_probe_check(p, count <= HD_TID_MAX || count == MUSL_WRITE_HELD, "the word is not one of a read-write lock");
	hd_probe_check(p, w[1] >= 1 && w[1] <= HD_TID_MAX, "the read-write lock counts no waiter");
	hd_probe_check_shared(p, w[2] != 0);
	musl_end(p, 56, 8);
}

void hd_musl_rdlock(struct hd_probe *p)
{
	musl_rwlock(p, HD_LOCK_RWLOCK_READ);
}

void hd_musl_wrlock(struct hd_probe *p)
{
	musl_rwlock(p, HD_LOCK_RWLOCK_WRITE);
}

/* A pointer to an object that refers to one of `nodes` at one of its offsets: how an object is found whose waiters wait
 * on their own stacks.  0 = none. */
static uint64_t find_referrer(struct hd_probe *p, const uint32_t *offsets, size_t n_offsets, const uint64_t nodes[2])
{
	uint64_t words[HD_SCAN_WORDS_MAX];
	uint32_t n = hd_probe_stack(p, 128, words);
	for (uint32_t i = 0; i < n; i++) {
		for (size_t o = 0; o < n_offsets; o++) {
			uint64_t at;
			if (words[i] % 8 == 0 && hd_mem_u64(p->mem, words[i] + offsets[o], &at) == 0 &&
			    (at == nodes[0] || at == nodes[1]))
				return words[i];
		}
	}
	return 0;
}

/* A private condition variable is a list of nodes {prev, next, state, barrier, notify} on the waiters' stacks, who wait
 * on `barrier`; head at 8, tail at 40 (src/thread/pthread_cond_timedwait.c).  A shared one waits on its sequence at 8.
 */
void hd_musl_cond(struct hd_probe *p)
{
	static const uint32_t offsets[] = {8, 40};
	const uint64_t nodes[2] = {p->uaddr - 20, p->uaddr - 20};
	musl_begin(p, HD_LOCK_CONDITION, 0, HD_LAYOUT_NONE);
	if (!p->op_private) {
		p->lock->base = p->uaddr - 8;
		p->lock->is_pshared = true;
	} else {
		p->lock->base = find_referrer(p, offsets, HD_COUNTOF(offsets), nodes);
	}
	if (p->lock->base == 0) {
		hd_probe_fail(p, "the condition variable was not found on the stack");
		return;
	}
	musl_end(p, 48, 8);
}

/* 0 value (-1, or the top bit since 1.2.4, with waiters), 4 waiters, 8 private (0x80) */
void hd_musl_sem(struct hd_probe *p)
{
	uint32_t w[3] = {0};
	musl_begin(p, HD_LOCK_SEMAPHORE, p->uaddr, HD_LAYOUT_MUSL_SEM);
	hd_probe_check(p, hd_mem_read(p->mem, p->uaddr, w, sizeof(w)) == 0, "the semaphore could not be read");
	p->lock->is_held = w[0] == UINT32_MAX || (w[0] & ~MUSL_WAITERS) == 0;
	p->lock->is_pshared = w[2] == 0;
	hd_probe_check(p, p->val == UINT32_MAX || p->val == MUSL_WAITERS,
		       "waiters of a semaphore expect another value");
	hd_probe_check(p, w[1] >= 1 && w[1] <= HD_TID_MAX, "the semaphore counts no waiter");
	hd_probe_check(p, w[2] == 0 || w[2] == 0x80, "the flags are not those of a semaphore");
	hd_probe_check_shared(p, w[2] == 0);
	musl_end(p, 32, 4);
}

/* The first to arrive keeps {count, last, waiters, finished} on its stack; the barrier points to it at 24. */
void hd_musl_barrier(struct hd_probe *p)
{
	static const uint32_t offsets[] = {24};
	const uint64_t nodes[2] = {p->uaddr - 4, p->uaddr - 12};
	musl_begin(p, HD_LOCK_BARRIER, find_referrer(p, offsets, HD_COUNTOF(offsets), nodes), HD_LAYOUT_NONE);
	if (p->lock->base == 0) {
		hd_probe_fail(p, "the barrier was not found on the stack");
		return;
	}
	musl_end(p, 32, 8);
}

/* struct pthread: 0 self, 0x30 tid, 0x38 detach_state (2 = joinable) */
void hd_musl_join(struct hd_probe *p)
{
	uint64_t self = 0, tcb = p->uaddr - 0x38;
	uint32_t tid = 0;
	musl_begin(p, HD_LOCK_JOIN, tcb, HD_LAYOUT_NONE);
	hd_probe_check(p, hd_mem_u64(p->mem, tcb, &self) == 0 && self == tcb,
		       "the word does not lie in a thread control block");
	if (self != tcb) {
		p->lock->base = 0;
		return;
	}
	if (hd_mem_u32(p->mem, tcb + 0x30, &tid) == 0 && hd_tid_ok(tid))
		p->lock->owner_tid = (int32_t)tid;
	p->lock->owner_releases = true;
	p->lock->is_held = true;
	musl_end(p, 0x40, 8);
}

/* 0 never, 1 running, 3 running with waiters, 2 done */
void hd_musl_once(struct hd_probe *p)
{
	musl_begin(p, HD_LOCK_ONCE, p->uaddr, HD_LAYOUT_ONCE);
	p->lock->is_held = p->word_known && (p->word & 1) != 0;
	hd_probe_check(p, p->val == 3, "the waiter does not expect a running initialisation");
	musl_end(p, 4, 4);
}

/* Stream locks are tid | 0x40000000 with waiters (src/stdio/__lockfile.c); other inner locks are a bare word whose top
 * bit says taken (src/thread/__lock.c). */
void hd_musl_internal(struct hd_probe *p)
{
	enum hd_lock_api api = p->calls->n_callers > 0 ? p->calls->caller[0].api : HD_API_LIBC;
	uint32_t tid = p->val & MUSL_FILE_TID;
	bool is_stdio = (p->val & 0x40000000u) != 0 && (p->val & MUSL_WAITERS) == 0 && hd_tid_ok(tid);
	musl_begin(p,
		   is_stdio               ? HD_LOCK_STDIO
		   : api == HD_API_MALLOC ? HD_LOCK_MALLOC
					  : HD_LOCK_LIBC,
		   p->uaddr, is_stdio ? HD_LAYOUT_MUSL_STDIO : HD_LAYOUT_WORD);
	p->lock->is_held = p->word_known && p->word != 0;
	if (is_stdio) {
		p->lock->owner_tid = (int32_t)tid;
		p->lock->owner_releases = true;
		p->lock->is_recursive = true;
	}
	hd_probe_check(p, is_stdio || (p->val & MUSL_WAITERS) != 0, "the waiter does not expect a taken lock");
	musl_end(p, 4, 4);
}
