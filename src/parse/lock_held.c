/* Is a lock taken, in whichever copy of the memory is asked: the same words, without a waiter. */
#include "parse/lock_readers.h"

struct held {
	bool is_held;
	int32_t owner;
};

static int held_glibc_mutex(struct hd_mem *mem, uint64_t base, struct held *ret)
{
	struct hd_glibc_mutex m;
	if (!hd_glibc_mutex_read(mem, base, &m) || hd_glibc_mutex_doubt(&m) != NULL)
		return -1;
	ret->is_held = hd_glibc_mutex_is_held(&m);
	ret->owner = ret->is_held ? hd_glibc_mutex_owner(&m) : 0;
	return 0;
}

static int held_glibc_rwlock(struct hd_mem *mem, uint64_t base, struct held *ret)
{
	uint32_t w[7];
	if (hd_mem_read(mem, base, w, sizeof(w)) < 0 || w[2] > 3 || w[3] > 3)
		return -1;
	bool is_write_phase = (w[0] & 1) != 0, is_write_locked = (w[0] & 2) != 0;
	ret->is_held = is_write_locked || (!is_write_phase && w[0] >> 3 != 0);
	ret->owner = is_write_locked && hd_tid_ok(w[6]) ? (int32_t)w[6] : 0;
	return 0;
}

static int held_glibc_stdio(struct hd_mem *mem, uint64_t base, struct held *ret)
{
	uint32_t word;
	uint64_t owner;
	if (hd_mem_u32(mem, base, &word) < 0 || word > 2 || hd_mem_u64(mem, base + 8, &owner) < 0)
		return -1;
	ret->is_held = word != 0;
	ret->owner = word != 0 && hd_tcb_is_self(mem, owner) ? hd_tcb_tid(mem, owner) : 0;
	return 0;
}

static int held_musl_mutex(struct hd_mem *mem, uint64_t base, struct held *ret)
{
	uint32_t w[2];
	if (hd_mem_read(mem, base, w, sizeof(w)) < 0)
		return -1;
	uint32_t tid = w[1] & HD_FUTEX_TID_MASK;
	ret->is_held = (w[1] & 0x7fffffffu) != 0;
	ret->owner = (w[0] & 15) != 0 && hd_tid_ok(tid) ? (int32_t)tid : 0;
	return 0;
}

static int held_absl(struct hd_mem *mem, uint64_t base, struct held *ret)
{
	uint64_t value;
	if (hd_mem_u64(mem, base, &value) < 0)
		return -1;
	ret->is_held = (value & 9) != 0;
	return 0;
}

static int held_byte(struct hd_mem *mem, uint64_t base, struct held *ret)
{
	uint8_t value;
	if (hd_mem_u8(mem, base, &value) < 0)
		return -1;
	ret->is_held = (value & 1) != 0;
	return 0;
}

/* Layouts that are one 32-bit word without an owner: how it looks when free. */
static bool word_is_held(enum hd_lock_layout layout, uint32_t word)
{
	switch (layout) {
	case HD_LAYOUT_GLIBC_SEM:
		return word == 0;
	case HD_LAYOUT_MUSL_SEM:
		return word == UINT32_MAX || (word & 0x7fffffffu) == 0;
	case HD_LAYOUT_ONCE:
		return (word & 1) != 0;
	case HD_LAYOUT_CXX_GUARD:
		return (word & 0x100) != 0;
	case HD_LAYOUT_MUSL_RWLOCK:
		return (word & 0x7fffffffu) != 0;
	case HD_LAYOUT_RUST_RWLOCK:
		return (word & 0x3fffffffu) != 0;
	default:
		return word != 0;
	}
}

static int held_word(struct hd_mem *mem, const struct hd_lock *lock, struct held *ret)
{
	uint32_t word;
	if (hd_mem_u32(mem, lock->base, &word) < 0)
		return -1;
	ret->is_held = word_is_held(lock->layout, word);
	bool has_tid = lock->layout == HD_LAYOUT_PI_WORD || lock->layout == HD_LAYOUT_MUSL_STDIO;
	uint32_t tid = word & HD_FUTEX_TID_MASK;
	ret->owner = has_tid && hd_tid_ok(tid) ? (int32_t)tid : 0;
	return 0;
}

static int held_read(struct hd_mem *mem, const struct hd_lock *lock, struct held *ret)
{
	switch ((enum hd_lock_layout)lock->layout) {
	case HD_LAYOUT_NONE:
	case HD_LAYOUT_RUST_ONCE: /* its running value differs between versions */
	case HD_LAYOUT_COUNT:
		return -1;
	case HD_LAYOUT_GLIBC_MUTEX:
		return held_glibc_mutex(mem, lock->base, ret);
	case HD_LAYOUT_GLIBC_RWLOCK:
		return held_glibc_rwlock(mem, lock->base, ret);
	case HD_LAYOUT_GLIBC_STDIO:
		return held_glibc_stdio(mem, lock->base, ret);
	case HD_LAYOUT_MUSL_MUTEX:
		return held_musl_mutex(mem, lock->base, ret);
	case HD_LAYOUT_ABSL_MUTEX:
		return held_absl(mem, lock->base, ret);
	case HD_LAYOUT_BYTE:
		return held_byte(mem, lock->base, ret);
	default:
		return held_word(mem, lock, ret);
	}
}

enum hd_tri hd_lock_is_held(struct hd_mem *mem, const struct hd_lock *lock, int32_t *ret_owner_tid)
{
	struct held held = {0};
	if (lock->base == 0 || lock->layout >= HD_LAYOUT_COUNT || held_read(mem, lock, &held) < 0)
		return HD_UNKNOWN;
	*ret_owner_tid = held.owner;
	return held.is_held ? HD_YES : HD_NO;
}
