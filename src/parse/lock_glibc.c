/* glibc's pthread objects from the futex word, locks.md section 2.1 (measured
 * on 2.27, 2.31, 2.35, 2.36, 2.39, 2.41, 2.43). */
#include "parse/lock_readers.h"

/* pthread_mutex_t: 0 lock, 4 count, 8 owner, 0xc nusers, 0x10 kind; 40 bytes */
#define MUTEX_SIZE 40u
#define NUSERS_MAX 1000000u
#define MUTEX_RECURSIVE 1u
#define MUTEX_TYPE 3u
#define PP_VALUE 0x7ffffu /* below the priority ceiling */

bool hd_glibc_mutex_read(struct hd_mem *mem, uint64_t base, struct hd_glibc_mutex *ret)
{
	return hd_mem_read(mem, base, ret, sizeof(*ret)) == 0;
}

static bool is_tid_word(const struct hd_glibc_mutex *m)
{
	return (m->kind & (HD_MUTEX_PI | HD_MUTEX_ROBUST)) != 0;
}

static const char *lock_word_doubt(const struct hd_glibc_mutex *m)
{
	if (is_tid_word(m)) {
		uint32_t tid = m->lock & HD_FUTEX_TID_MASK;
		return m->owner == 0 || tid == m->owner
			       ? NULL
			       : "the word of the mutex names another thread than its owner field";
	}
	uint32_t value = (m->kind & HD_MUTEX_PP) != 0 ? m->lock & PP_VALUE : m->lock;
	return value <= 2 ? NULL : "the word is not one of a mutex";
}

const char *hd_glibc_mutex_doubt(const struct hd_glibc_mutex *m)
{
	bool is_recursive = (m->kind & MUTEX_TYPE) == MUTEX_RECURSIVE;
	bool counts = is_recursive || (m->kind & (HD_MUTEX_PI | HD_MUTEX_ROBUST | HD_MUTEX_PP)) != 0;
	if ((m->kind & ~HD_MUTEX_KIND_BITS) != 0)
		return "the kind field is not one of a mutex";
	if (m->owner != 0 && !hd_tid_ok(m->owner))
		return "the owner field is not a thread id";
	if (!counts && m->count != 0)
		return "a mutex of this kind does not count";
	if (is_recursive && m->owner != 0 && m->count == 0)
		return "a recursive mutex with an owner counts at least one";
	if (m->owner != 0 && m->nusers == 0)
		return "the mutex has an owner but no users";
	if (m->nusers > NUSERS_MAX)
		return "the user count of the mutex is absurd";
	return lock_word_doubt(m);
}

bool hd_glibc_mutex_is_held(const struct hd_glibc_mutex *m)
{
	if (is_tid_word(m))
		return (m->lock & HD_FUTEX_TID_MASK) != 0;
	return ((m->kind & HD_MUTEX_PP) != 0 ? m->lock & PP_VALUE : m->lock) != 0;
}

int32_t hd_glibc_mutex_owner(const struct hd_glibc_mutex *m)
{
	uint32_t tid = m->owner == 0 && is_tid_word(m) ? m->lock & HD_FUTEX_TID_MASK : m->owner;
	return hd_tid_ok(tid) ? (int32_t)tid : 0;
}

static void mutex_fill(struct hd_lock *lock, uint64_t base, const struct hd_glibc_mutex *m)
{
	lock->kind = HD_LOCK_MUTEX;
	lock->family = "glibc";
	lock->layout = HD_LAYOUT_GLIBC_MUTEX;
	lock->base = base;
	lock->is_held = hd_glibc_mutex_is_held(m);
	lock->owner_tid = lock->is_held ? hd_glibc_mutex_owner(m) : 0;
	lock->owner_releases = true;
	lock->is_recursive = (m->kind & MUTEX_TYPE) == MUTEX_RECURSIVE;
	lock->is_robust = (m->kind & HD_MUTEX_ROBUST) != 0;
	lock->is_pi = (m->kind & HD_MUTEX_PI) != 0;
	lock->is_pshared = (m->kind & HD_MUTEX_PSHARED) != 0;
}

static bool is_plain_wait(uint32_t cmd)
{
	return cmd == HD_FUTEX_WAIT || cmd == HD_FUTEX_WAIT_BITSET;
}

static void mutex_check_call(struct hd_probe *p, const struct hd_glibc_mutex *m)
{
	bool is_pi = (m->kind & HD_MUTEX_PI) != 0;
	bool is_pi_call = p->cmd == HD_FUTEX_LOCK_PI || p->cmd == HD_FUTEX_LOCK_PI2;
	hd_probe_check(p, is_pi == is_pi_call, "the futex command does not fit the mutex kind");
	/* Robust mutexes always wait with the shared command, whatever they are. */
	hd_probe_check_shared(p, (m->kind & (HD_MUTEX_PSHARED | HD_MUTEX_ROBUST)) != 0);
	if (!is_pi) {
		hd_probe_check(p, is_plain_wait(p->cmd), "the futex command is not a wait");
		hd_probe_check_word(p);
	}
	if (!is_tid_word(m) && (m->kind & HD_MUTEX_PP) == 0)
		hd_probe_check(p, p->val == 2, "the waiter of a mutex expects 2");
}

/* glibc parks a thread for ever on a word of its own stack when the kernel says that the owner of a PI mutex is gone
 * (nptl/pthread_mutex_lock.c, ESRCH).  The mutex is somewhere in its frames. */
static void mutex_parked(struct hd_probe *p)
{
	uint64_t words[HD_SCAN_WORDS_MAX];
	uint32_t n = hd_probe_stack(p, 128, words);
	p->lock->kind = HD_LOCK_MUTEX;
	p->lock->is_pi = true;
	p->lock->family = "glibc";
	for (uint32_t i = 0; i < n; i++) {
		struct hd_glibc_mutex m;
		if (words[i] % 8 != 0 || !hd_glibc_mutex_read(p->mem, words[i], &m) || (m.kind & HD_MUTEX_PI) == 0 ||
		    m.owner == 0 || hd_glibc_mutex_doubt(&m) != NULL)
			continue;
		mutex_fill(p->lock, words[i], &m);
		break;
	}
	hd_probe_fail(p, "parked by the C library because the owner of a priority-inheriting mutex is gone");
}

void hd_glibc_mutex(struct hd_probe *p)
{
	struct hd_glibc_mutex m;
	if (hd_probe_is_runtime_stack(p, p->uaddr)) {
		mutex_parked(p);
		return;
	}
	p->lock->kind = HD_LOCK_MUTEX;
	p->lock->family = "glibc";
	if (!hd_glibc_mutex_read(p->mem, p->uaddr, &m)) {
		hd_probe_fail(p, "the mutex could not be read");
		return;
	}
	const char *doubt = hd_glibc_mutex_doubt(&m);
	hd_probe_check(p, doubt == NULL, doubt);
	mutex_fill(p->lock, p->uaddr, &m);
	mutex_check_call(p, &m);
	hd_probe_check_place(p, p->uaddr, MUTEX_SIZE, 8);
}

/* ---- rwlock: 0 readers, 4 writers, 8 and 0xc futexes (phase, writers), 0x18 cur_writer, 0x1c shared, 0x30 flags ---- */

#define RWLOCK_SIZE 56u
#define RW_WRPHASE 1u
#define RW_WRLOCKED 2u
#define RW_RWAITING 4u
#define RW_READER_SHIFT 3u

static void rwlock_check(struct hd_probe *p, const uint32_t w[RWLOCK_SIZE / 4])
{
	bool is_write_held = (w[0] & (RW_WRPHASE | RW_WRLOCKED)) == (RW_WRPHASE | RW_WRLOCKED);
	hd_probe_check(p, w[2] <= 3 && w[3] <= 3, "the phase words are not those of a read-write lock");
	hd_probe_check(p, w[6] == 0 || hd_tid_ok(w[6]), "the writer field is not a thread id");
	hd_probe_check(p, (w[6] != 0) == is_write_held,
		       "the writer field does not fit the state of the read-write lock");
	hd_probe_check(p, w[7] <= 1 && w[12] <= 2, "the flags are not those of a read-write lock");
	hd_probe_check_shared(p, w[7] != 0);
	hd_probe_check(p, is_plain_wait(p->cmd), "the futex command is not a wait");
	hd_probe_check_word(p);
	hd_probe_check_place(p, p->lock->base, RWLOCK_SIZE, 8);
}

static void rwlock_read_at(struct hd_probe *p, uint64_t base, enum hd_lock_kind kind)
{
	uint32_t w[RWLOCK_SIZE / 4];
	p->lock->kind = kind;
	p->lock->family = "glibc";
	if (hd_mem_read(p->mem, base, w, sizeof(w)) < 0) {
		hd_probe_fail(p, "the read-write lock could not be read");
		return;
	}
	p->lock->base = base;
	p->lock->layout = HD_LAYOUT_GLIBC_RWLOCK;
	p->lock->is_pshared = w[7] != 0;
	/* In the write phase the count is of readers that wait. */
	p->lock->readers = (w[0] & RW_WRPHASE) != 0 ? 0 : w[0] >> RW_READER_SHIFT;
	p->lock->is_held = (w[0] & RW_WRLOCKED) != 0 || p->lock->readers > 0;
	p->lock->owner_tid = hd_tid_ok(w[6]) ? (int32_t)w[6] : 0;
	p->lock->owner_releases = p->lock->owner_tid != 0;
	rwlock_check(p, w);
}

/* The object is 8-aligned, so the futex address modulo 8 tells +0xc from +0x8 and +0; those two differ in the value:
 * phase words are at most 3, the readers word of a waiting reader has the waiting bit. */
static uint64_t rwlock_base(const struct hd_probe *p)
{
	if (p->uaddr % 8 == 4)
		return p->uaddr - 0xc;
	return (p->val & RW_RWAITING) != 0 ? p->uaddr : p->uaddr - 8;
}

void hd_glibc_rdlock(struct hd_probe *p)
{
	hd_probe_check(p, p->uaddr % 8 == 0, "readers do not wait on this word of a read-write lock");
	rwlock_read_at(p, rwlock_base(p), HD_LOCK_RWLOCK_READ);
}

void hd_glibc_wrlock(struct hd_probe *p)
{
	hd_probe_check(p, (p->val & RW_RWAITING) == 0, "writers do not wait on this word of a read-write lock");
	rwlock_read_at(p, rwlock_base(p), HD_LOCK_RWLOCK_WRITE);
}

void hd_glibc_rwlock(struct hd_probe *p)
{
	/* Readers wait at +8 for the end of the write phase (3); a first writer waits there for its begin (2). */
	bool writes = p->uaddr % 8 == 4 || p->val == 2;
	rwlock_read_at(p, rwlock_base(p), writes ? HD_LOCK_RWLOCK_WRITE : HD_LOCK_RWLOCK_READ);
}

/* ---- semaphore: 0 value, 4 waiters, 8 private flag (0 private, 0x80 shared); 32 bytes ---- */

#define SEM_SIZE 32u
#define SEM_POINTER_BYTES 0x100u

void hd_glibc_sem(struct hd_probe *p)
{
	uint32_t w[3];
	p->lock->kind = HD_LOCK_SEMAPHORE;
	p->lock->family = "glibc";
	if (hd_mem_read(p->mem, p->uaddr, w, sizeof(w)) < 0) {
		hd_probe_fail(p, "the semaphore could not be read");
		return;
	}
	p->lock->base = p->uaddr;
	p->lock->layout = HD_LAYOUT_GLIBC_SEM;
	p->lock->is_held = w[0] == 0;
	p->lock->is_pshared = w[2] != 0;
	hd_probe_check(p, w[1] >= 1, "the semaphore counts no waiter");
	hd_probe_check(p, w[2] == 0 || w[2] == 0x80, "the flags are not those of a semaphore");
	hd_probe_check(p, p->val == 0 && is_plain_wait(p->cmd), "waiters of a semaphore expect 0");
	hd_probe_check(p, hd_probe_stack_has(p, p->uaddr, SEM_POINTER_BYTES),
		       "the semaphore's address is not on the stack");
	hd_probe_check_shared(p, w[2] != 0);
	hd_probe_check_word(p);
	hd_probe_check_place(p, p->uaddr, SEM_SIZE, 8);
}

/* ---- barrier: 0 in, 4 current round, 8 count, 0xc shared, 0x10 out; 32 bytes ---- */

#define BARRIER_SIZE 32u

static void barrier_read_at(struct hd_probe *p, uint64_t base)
{
	uint32_t w[5];
	p->lock->kind = HD_LOCK_BARRIER;
	p->lock->family = "glibc";
	if (hd_mem_read(p->mem, base, w, sizeof(w)) < 0) {
		hd_probe_fail(p, "the barrier could not be read");
		return;
	}
	p->lock->base = base;
	p->lock->is_pshared = w[3] != 0;
	hd_probe_check(p, w[0] >= 1, "nobody has entered the barrier");
	hd_probe_check(p, w[2] >= 1 && w[2] <= INT32_MAX, "the count is not that of a barrier");
	hd_probe_check(p, w[3] <= 1, "the flags are not those of a barrier");
	hd_probe_check_shared(p, w[3] != 0);
	hd_probe_check(p, is_plain_wait(p->cmd), "the futex command is not a wait");
	hd_probe_check_word(p);
	hd_probe_check_place(p, base, BARRIER_SIZE, 8);
}

void hd_glibc_barrier(struct hd_probe *p)
{
	barrier_read_at(p, p->uaddr - 4);
}

void hd_glibc_barrier_destroy(struct hd_probe *p)
{
	barrier_read_at(p, p->uaddr);
}

/* ---- join and once ---- */

/* Up to 2.42 the kernel clears the tid in the TCB; 2.43 waits on joinstate. */
void hd_glibc_join(struct hd_probe *p)
{
	uint64_t tcb = p->uaddr - HD_TCB_TID;
	bool by_tid = hd_tcb_is_self(p->mem, tcb);
	if (!by_tid && hd_tcb_is_self(p->mem, p->uaddr - HD_TCB_JOINSTATE))
		tcb = p->uaddr - HD_TCB_JOINSTATE;
	p->lock->kind = HD_LOCK_JOIN;
	p->lock->family = "glibc";
	if (!by_tid && tcb == p->uaddr - HD_TCB_TID) {
		hd_probe_fail(p, "the word does not lie in a thread control block");
		return;
	}
	p->lock->base = tcb;
	p->lock->owner_tcb = tcb;
	p->lock->owner_tid = hd_tcb_tid(p->mem, tcb);
	p->lock->owner_releases = true;
	p->lock->is_held = true;
	hd_probe_check(p, by_tid ? hd_tid_ok(p->val) : p->val == 2, "the waiter does not expect what a join expects");
	hd_probe_check(p, is_plain_wait(p->cmd), "the futex command is not a wait");
	hd_probe_check_word(p);
	hd_probe_check_place(p, tcb, HD_TCB_TID + 4, 8);
}

/* pthread_once_t and std::once_flag: bit 0 = running, bit 1 = done, above them the fork generation. */
void hd_glibc_once(struct hd_probe *p)
{
	p->lock->kind = HD_LOCK_ONCE;
	p->lock->family = "glibc";
	p->lock->base = p->uaddr;
	p->lock->layout = HD_LAYOUT_ONCE;
	p->lock->is_held = p->word_known && (p->word & 3) == 1;
	hd_probe_check(p, (p->val & 3) == 1 && is_plain_wait(p->cmd),
		       "the waiter does not expect a running initialisation");
	hd_probe_check_shared(p, false);
	hd_probe_check_word(p);
	hd_probe_check_place(p, p->uaddr, 4, 4);
}
