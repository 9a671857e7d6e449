/* glibc's pthread_cond_t, locks.md section 2.1: two layouts that the version number does not tell apart.
 *
 * pthread_cond_wait keeps a clean-up record with two neighbouring pointers, (cond, mutex), on its stack.  The distance
 * from the first to the futex word says which layout it is, and the second names the mutex. */
#include "parse/lock_readers.h"

#define COND_SIZE 48u
#define MUTEX_SIZE 40u
#define SCAN_WORDS 128u /* 1 KB from the stack pointer; the record was seen at +0x58 to +0xd0 */
#define COND_WAITERS_SHIFT 3u
#define COND_PSHARED 1u
#define COND_DESTROY_PENDING 4u

/* Where the signal words and the waiter count lie. */
struct cond_layout {
	uint32_t signals[2], wrefs;
};
static const struct cond_layout layouts[] = {
	{{0x28, 0x2c}, 0x24}, /* to 2.40 as released */
	{{0x20, 0x24}, 0x1c}, /* 2.41, and the later stable branches of 2.38 to 2.40 */
};

static const struct cond_layout *layout_of(uint64_t distance)
{
	for (size_t i = 0; i < HD_COUNTOF(layouts); i++) {
		if (distance == layouts[i].signals[0] || distance == layouts[i].signals[1])
			return &layouts[i];
	}
	return NULL;
}

static const char *pair_doubt(struct hd_probe *p, uint64_t cond, uint64_t mutex, const struct cond_layout *layout)
{
	struct hd_glibc_mutex m;
	uint32_t wrefs;
	if (mutex % 8 != 0 || !hd_glibc_mutex_read(p->mem, mutex, &m))
		return "the mutex given with the condition variable could not be read";
	const char *doubt = hd_glibc_mutex_doubt(&m);
	if (doubt != NULL)
		return doubt;
	/* Who sits in a wait stays a user of the mutex (__pthread_mutex_unlock_usercnt with 0). */
	if (m.nusers == 0)
		return "the mutex given with the condition variable counts no user";
	if (hd_mem_u32(p->mem, cond + layout->wrefs, &wrefs) < 0 || wrefs >> COND_WAITERS_SHIFT == 0)
		return "the condition variable counts no waiter";
	if (p->op_private != ((wrefs & COND_PSHARED) == 0))
		return "the wait's private flag does not fit the condition variable";
	return NULL;
}

/* A copy of the first pointer beside it, or a pointer into the object, is no mutex. */
static bool overlaps(uint64_t cond, uint64_t mutex)
{
	return mutex < cond + COND_SIZE && cond < mutex + MUTEX_SIZE;
}

struct cond_pair {
	uint64_t cond, mutex;
	const struct cond_layout *layout;
	const char *doubt;
};

/* The outermost pair that passes; if none does, the outermost. */
static bool pair_find(struct hd_probe *p, struct cond_pair *ret)
{
	uint64_t words[HD_SCAN_WORDS_MAX];
	uint32_t n = hd_probe_stack(p, SCAN_WORDS, words);
	bool found = false;
	for (uint32_t i = 0; i + 1 < n; i++) {
		const struct cond_layout *layout = words[i] % 8 == 0 ? layout_of(p->uaddr - words[i]) : NULL;
		if (layout == NULL || overlaps(words[i], words[i + 1]) || hd_probe_is_runtime_stack(p, words[i + 1]))
			continue;
		struct cond_pair pair = {words[i], words[i + 1], layout, pair_doubt(p, words[i], words[i + 1], layout)};
		if (!found || pair.doubt == NULL || ret->doubt != NULL)
			*ret = pair;
		found = true;
	}
	return found;
}

/* Woken, but the mutex is taken: the wait goes on as a lock of that mutex, inside pthread_cond_wait. */
static bool is_relock(struct hd_probe *p)
{
	struct hd_glibc_mutex m;
	return hd_glibc_mutex_read(p->mem, p->uaddr, &m) && hd_glibc_mutex_doubt(&m) == NULL &&
	       hd_glibc_mutex_is_held(&m) && m.owner != 0 && p->word_known && p->word == m.lock;
}

void hd_glibc_cond(struct hd_probe *p)
{
	struct cond_pair pair = {0};
	bool found = pair_find(p, &pair);
	if ((!found || pair.doubt != NULL) && is_relock(p)) {
		hd_glibc_mutex(p);
		return;
	}
	if (!found) {
		p->lock->kind = HD_LOCK_CONDITION;
		p->lock->family = "glibc";
		hd_probe_fail(p, "no condition variable with its mutex was found on the stack");
		return;
	}
	uint32_t wrefs = 0;
	p->lock->kind = HD_LOCK_CONDITION;
	p->lock->family = "glibc";
	p->lock->base = pair.cond;
	p->lock->mutex = pair.mutex;
	p->lock->is_pshared =
		hd_mem_u32(p->mem, pair.cond + pair.layout->wrefs, &wrefs) == 0 && (wrefs & COND_PSHARED) != 0;
	hd_probe_check(p, pair.doubt == NULL, pair.doubt);
	hd_probe_check(p, p->cmd == HD_FUTEX_WAIT || p->cmd == HD_FUTEX_WAIT_BITSET, "the futex command is not a wait");
	hd_probe_check_word(p);
	hd_probe_check_place(p, pair.cond, COND_SIZE, 8);
}

/* pthread_cond_destroy waits on the waiter count itself, which both layouts put at 4 modulo 8, with the same fields
 * before it back to g_size.  Before that the old one has {wseq 8, g1_start 8, g_refs[2]}, the new one {wseq 8, g1_start
 * 8}. */
struct cond_head {
	uint64_t wseq, g1_start;
	uint32_t g_refs[2];
};

/* Each waiter takes a position (wseq grows by 2), and the first group starts at or before the end. */
static bool head_fits(uint64_t wseq, uint64_t g1_start, uint32_t waiters)
{
	return wseq / 2 >= waiters && g1_start <= wseq;
}

static uint64_t destroy_base(struct hd_probe *p, uint32_t waiters)
{
	uint64_t old_base = p->uaddr - layouts[0].wrefs, new_base = p->uaddr - layouts[1].wrefs;
	struct cond_head old, new;
	bool is_old = hd_mem_read(p->mem, old_base, &old, sizeof(old)) == 0 &&
		      head_fits(old.wseq, old.g1_start, waiters) &&
		      (uint64_t)(old.g_refs[0] >> 1) + (old.g_refs[1] >> 1) == waiters;
	bool is_new =
		hd_mem_read(p->mem, new_base, &new, sizeof(new)) == 0 && head_fits(new.wseq, new.g1_start, waiters);
	if (is_old != is_new)
		return is_old ? old_base : new_base;
	/* The caller may still have the object's address on its stack. */
	bool has_old = hd_probe_stack_has(p, old_base, SCAN_WORDS * 8),
	     has_new = hd_probe_stack_has(p, new_base, SCAN_WORDS * 8);
	return has_old == has_new ? 0 : has_old ? old_base : new_base;
}

void hd_glibc_cond_destroy(struct hd_probe *p)
{
	uint32_t waiters = p->val >> COND_WAITERS_SHIFT;
	p->lock->kind = HD_LOCK_COND_DESTROY;
	p->lock->family = "glibc";
	p->lock->is_pshared = (p->val & COND_PSHARED) != 0;
	p->lock->base = destroy_base(p, waiters);
	hd_probe_check(p, (p->val & COND_DESTROY_PENDING) != 0 && waiters >= 1,
		       "the word does not count waiters that must leave");
	hd_probe_check_word(p);
	if (p->lock->base == 0)
		hd_probe_fail(p, "where the condition variable begins is not known");
	else
		hd_probe_check_place(p, p->lock->base, COND_SIZE, 8);
}
