/* Waits of C++, Rust, abseil, OpenMP, oneTBB and Go runtimes, locks.md sections 2.3 and 2.5.  None keeps an owner that
 * can be read, and several wait on a word of the waiter instead of the lock: those never say "the lock is here". */
#include <string.h>

#include "parse/lock_readers.h"

static void begin(struct hd_probe *p, enum hd_lock_kind kind, const char *family, uint64_t base,
		  enum hd_lock_layout layout)
{
	p->lock->kind = kind;
	p->lock->family = family;
	p->lock->base = base;
	p->lock->layout = (uint8_t)layout;
	p->lock->is_held = layout != HD_LAYOUT_NONE && p->word_known && p->word != 0;
}

static void end(struct hd_probe *p, uint64_t size, unsigned align)
{
	hd_probe_check_word(p);
	if (p->lock->base != 0)
		hd_probe_check_place(p, p->lock->base, size, align);
}

/* libstdc++ libsupc++/guard.cc: byte 0 done, 0x100 in progress, 0x10000 somebody waits. */
void hd_runtime_guard(struct hd_probe *p)
{
	begin(p, HD_LOCK_CXX_GUARD, "libstdc++", p->uaddr, HD_LAYOUT_CXX_GUARD);
	p->lock->is_held = p->word_known && (p->word & 0x100) != 0;
	hd_probe_check(p, p->val == 0x10100 && p->cmd == HD_FUTEX_WAIT,
		       "the waiter does not expect a running initialisation");
	end(p, 8, 8);
}

/* libstdc++ bits/atomic_futex.h: the futex is 16 bytes into the shared state. */
void hd_runtime_future(struct hd_probe *p)
{
	begin(p, HD_LOCK_FUTURE, "libstdc++", p->uaddr - 0x10, HD_LAYOUT_NONE);
	hd_probe_check(p, (p->val & 0x80000000u) != 0, "the waiter does not expect an unready future");
	end(p, 0x18, 8);
}

/* std::atomic::wait: the object itself for ints, a word of a shared pool for everything else; which is not known. */
void hd_runtime_atomic(struct hd_probe *p)
{
	begin(p, HD_LOCK_UNKNOWN, "libstdc++", p->uaddr, HD_LAYOUT_NONE);
	end(p, 4, 4);
}

/* ---- Rust std (library/std/src/sys/sync/{mutex,rwlock,condvar,once}/futex.rs) ---- */

void hd_rust_mutex(struct hd_probe *p)
{
	begin(p, HD_LOCK_RUST, "rust", p->uaddr, HD_LAYOUT_WORD);
	hd_probe_check(p, p->val == 2, "the waiter of a Rust mutex expects 2");
	end(p, 4, 4);
}

#define RUST_RW_MASK 0x3fffffffu

static void rust_rwlock(struct hd_probe *p, enum hd_lock_kind kind, uint64_t base)
{
	uint32_t state = 0;
	begin(p, kind, "rust", base, HD_LAYOUT_RUST_RWLOCK);
	hd_probe_check(p, hd_mem_u32(p->mem, base, &state) == 0, "the read-write lock could not be read");
	state &= RUST_RW_MASK;
	p->lock->is_held = state != 0;
	p->lock->readers = state == RUST_RW_MASK ? 0 : state;
	end(p, 8, 4);
}

void hd_rust_rdlock(struct hd_probe *p)
{
	rust_rwlock(p, HD_LOCK_RWLOCK_READ, p->uaddr);
}

void hd_rust_wrlock(struct hd_probe *p)
{
	/* Writers wait on their notification counter behind the state. */
	rust_rwlock(p, HD_LOCK_RWLOCK_WRITE, p->uaddr - 4);
}

void hd_rust_cond(struct hd_probe *p)
{
	begin(p, HD_LOCK_CONDITION, "rust", p->uaddr, HD_LAYOUT_NONE);
	end(p, 4, 4);
}

void hd_rust_once(struct hd_probe *p)
{
	/* Running with waiters: 3 to 1.82, 5 (a bit of its own) since. */
	begin(p, HD_LOCK_ONCE, "rust", p->uaddr, HD_LAYOUT_RUST_ONCE);
	hd_probe_check(p, p->val == 3 || p->val == 4 || p->val == 5,
		       "the waiter does not expect a running initialisation");
	end(p, 4, 4);
}

void hd_runtime_park(struct hd_probe *p)
{
	begin(p, HD_LOCK_PARKER, p->lock->family, 0, HD_LAYOUT_NONE);
	end(p, 4, 4);
}

/* ---- parking_lot (parking_lot_core 0.9 src/parking_lot.rs, parking_lot 0.12 src/raw_{mutex,rwlock}.rs) ----
 *
 * The futex is the first word of the waiter's ThreadData {parker, key, next, tokens}, whose fields rustc may reorder.  The
 * key is the address of the lock: the one word near by that points to a state which is taken and has waiters.  RawMutex
 * is one byte (1 locked, 2 parked), RawRwLock a word (1 parked, 2 writer parked, 4 upgradable, 8 writer, 16 per reader). */
#define PARKING_REACH 0x40u
#define PARKING_MUTEX 3u
#define PARKING_RW_WAITED 3u
#define PARKING_RW_TAKEN (~UINT64_C(7))

static bool parking_state_fits(struct hd_probe *p, uint64_t key, bool is_mutex, uint64_t *ret_state)
{
	uint8_t byte = 0;
	const struct hd_map *map = p->query->maps != NULL ? hd_maps_find(p->query->maps, key) : NULL;
	if (map == NULL || !map->writable)
		return false;
	if (is_mutex) {
		bool fits = hd_mem_u8(p->mem, key, &byte) == 0 && byte == PARKING_MUTEX;
		*ret_state = byte;
		return fits;
	}
	return key % 8 == 0 && hd_mem_u64(p->mem, key, ret_state) == 0 && (*ret_state & PARKING_RW_WAITED) != 0 &&
	       (*ret_state & PARKING_RW_TAKEN) != 0 && *ret_state < UINT32_MAX;
}

static void parking_find(struct hd_probe *p, bool is_mutex)
{
	uint64_t found = 0, key, state;
	for (uint64_t at = (p->uaddr & ~UINT64_C(7)) - PARKING_REACH; at <= p->uaddr + PARKING_REACH; at += 8) {
		if (hd_mem_u64(p->mem, at, &key) < 0 || key == found || !parking_state_fits(p, key, is_mutex, &state))
			continue;
		if (found != 0)
			return; /* two that would fit: neither is told */
		found = key;
	}
	p->lock->base = found;
	p->lock->is_held = found != 0;
	if (found != 0 && is_mutex)
		p->lock->layout = HD_LAYOUT_BYTE;
}

void hd_parking_lot(struct hd_probe *p)
{
	static const struct {
		const char *api;
		enum hd_lock_kind kind;
	} sorts[] = {{"parking_lot::Mutex::lock", HD_LOCK_MUTEX},
		     {"parking_lot::RwLock::read", HD_LOCK_RWLOCK_READ},
		     {"parking_lot::RwLock::write", HD_LOCK_RWLOCK_WRITE},
		     {"parking_lot::Condvar::wait", HD_LOCK_CONDITION}};
	enum hd_lock_kind kind = HD_LOCK_PARKER;
	for (size_t i = 0; i < HD_COUNTOF(sorts); i++) {
		if (p->lock->api != NULL && strcmp(p->lock->api, sorts[i].api) == 0)
			kind = sorts[i].kind;
	}
	begin(p, kind, "parking_lot", 0, HD_LAYOUT_NONE);
	hd_probe_check(p, p->val == 1, "a parked thread of parking_lot expects 1");
	hd_probe_check_word(p);
	if (kind == HD_LOCK_MUTEX || kind == HD_LOCK_RWLOCK_READ || kind == HD_LOCK_RWLOCK_WRITE)
		parking_find(p, kind == HD_LOCK_MUTEX);
}

/* ---- abseil (absl/synchronization/mutex.cc, internal/waiter.h) ---- */

#define ABSL_WAITER 0x40u /* in the 256-aligned ThreadIdentity */
#define ABSL_FLAGS 0xffu
#define ABSL_HAS_WAITERS 0x4u
#define ABSL_TAKEN 0x9u /* writer 0x8, reader 0x1 */

/* The Mutex (or CondVar) whose word is a list that ends at this waiter: its address is on the waiter's stack. */
static uint64_t absl_find(struct hd_probe *p, uint64_t identity)
{
	uint64_t words[HD_SCAN_WORDS_MAX];
	uint32_t n = hd_probe_stack(p, 128, words);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t value;
		if (words[i] % 8 == 0 && words[i] != 0 && hd_mem_u64(p->mem, words[i], &value) == 0 &&
		    (value & ~(uint64_t)ABSL_FLAGS) == identity && (value & ABSL_HAS_WAITERS) != 0)
			return words[i];
	}
	return 0;
}

static void absl_check(struct hd_probe *p)
{
	hd_probe_check(p, p->val == 0 && p->op_private, "waiters of abseil expect 0");
	hd_probe_check_word(p);
}

void hd_absl_mutex(struct hd_probe *p)
{
	uint64_t identity = p->uaddr - ABSL_WAITER, value = 0;
	begin(p, HD_LOCK_MUTEX, "absl", 0, HD_LAYOUT_NONE);
	absl_check(p);
	if (identity % 256 != 0) {
		hd_probe_fail(p, "the word does not lie in an abseil thread identity");
		return;
	}
	p->lock->base = absl_find(p, identity);
	if (p->lock->base == 0 || hd_mem_u64(p->mem, p->lock->base, &value) < 0) {
		hd_probe_fail(p, "the abseil Mutex was not found on the stack");
		return;
	}
	p->lock->layout = HD_LAYOUT_ABSL_MUTEX;
	p->lock->is_held = (value & ABSL_TAKEN) != 0;
}

void hd_absl_cond(struct hd_probe *p)
{
	begin(p, HD_LOCK_CONDITION, "absl", 0, HD_LAYOUT_NONE);
	absl_check(p);
}

void hd_absl_spin(struct hd_probe *p)
{
	/* call_once waits with a value of its own (absl/base/call_once.h, kOnceWaiter). */
	bool is_once = p->val == 0x05a308d2u;
	begin(p, is_once ? HD_LOCK_ONCE : HD_LOCK_MUTEX, "absl", p->uaddr, is_once ? HD_LAYOUT_NONE : HD_LAYOUT_WORD);
	p->lock->is_held = p->word_known && p->word != 0;
	end(p, 4, 4);
}

void hd_runtime_spinlock(struct hd_probe *p)
{
	begin(p, HD_LOCK_MUTEX, "gperftools", p->uaddr, HD_LAYOUT_WORD);
	hd_probe_check(p, p->val == 2, "the waiter of a SpinLock expects 2");
	end(p, 4, 4);
}

/* ---- OpenMP, oneTBB ---- */

void hd_gomp_lock(struct hd_probe *p)
{
	begin(p, HD_LOCK_MUTEX, "libgomp", p->uaddr, HD_LAYOUT_WORD);
	hd_probe_check(p, p->val == UINT32_MAX, "the waiter of an OpenMP lock expects -1");
	end(p, 4, 4);
}

void hd_runtime_team(struct hd_probe *p)
{
	begin(p, HD_LOCK_TEAM, p->lock->family, p->uaddr, HD_LAYOUT_NONE);
	end(p, 4, 4);
}

/* oneTBB src/tbb/concurrent_monitor.h, sleep_node<address_context>: the node lies on the waiter's stack as {.., next,
 * prev, address -0x18, context -0x10, flags -8, semaphore 0 (the futex)}.  Bit 0 at the address: taken, for writing. */
void hd_tbb_wait(struct hd_probe *p)
{
	uint64_t address = 0;
	uint8_t byte = 0;
	begin(p, HD_LOCK_MUTEX, "tbb", 0, HD_LAYOUT_NONE);
	hd_probe_check_word(p);
	if (hd_mem_u64(p->mem, p->uaddr - 0x18, &address) < 0 || address == 0 ||
	    hd_mem_u8(p->mem, address, &byte) < 0) {
		hd_probe_fail(p, "the waiting node does not name a mutex");
		return;
	}
	p->lock->base = address;
	p->lock->is_held = byte != 0;
	if ((byte & 1) != 0)
		p->lock->layout = HD_LAYOUT_BYTE;
	hd_probe_check_place(p, address, 1, 1);
}
