#include "os/birth_words.h"

#include "hangdog/locks.h"

void hd_birth_words_add(struct hd_birth_words *words, const struct hd_lock *lock, const struct hd_word *word)
{
	for (uint32_t i = 0; i < words->n; i++) {
		if (words->at[i].addr == word->addr)
			return;
	}
	words->at[words->next] = (struct hd_birth_word){.lock = *lock, .addr = word->addr, .expected = word->expected};
	words->next = (words->next + 1) % HD_BIRTH_WORDS_MAX;
	words->n += words->n < HD_BIRTH_WORDS_MAX;
}

/* Of a lock whose layout is known the words say it; of a bare futex, that it held then what its waiter waits on now. */
static struct hd_fork_word read_one(const struct hd_birth_word *w, struct hd_mem *child)
{
	struct hd_fork_word ret = {.addr = w->addr};
	uint32_t value;
	if (w->lock.layout != HD_LAYOUT_NONE && w->lock.base != 0) {
		ret.held = hd_lock_is_held(child, &w->lock, &ret.owner_tid);
		return ret;
	}
	/* Most words that mean "not yet" are 0; a lock that is free is, too. */
	if (w->lock.kind == HD_LOCK_UNKNOWN && w->expected != 0 && hd_mem_u32(child, w->addr, &value) == 0)
		ret.held = value == w->expected ? HD_YES : HD_UNKNOWN;
	return ret;
}

void hd_birth_words_read(const struct hd_birth_words *words, struct hd_mem *child, struct hd_fork_raw *raw, struct hd_arena *arena)
{
	if (words->n == 0)
		return;
	raw->words = HD_NEW_N(arena, words->n, struct hd_fork_word);
	raw->n_words = words->n;
	for (uint32_t i = 0; i < words->n; i++)
		raw->words[i] = read_one(&words->at[i], child);
}
