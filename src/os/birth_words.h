/* Words of locks that forked processes of a tree were seen to hang on, read again in each newborn (proof.md section 5).  Part
 * of hd_forkev. */
#ifndef OS_BIRTH_WORDS_H
#define OS_BIRTH_WORDS_H

#include "hangdog/forkev.h"

#define HD_BIRTH_WORDS_MAX 16u

struct hd_birth_words {
	struct hd_birth_word {
		struct hd_lock lock; /* its texts are not looked at */
		uint64_t addr;
		uint32_t expected;   /* what the waiter that hung had passed */
	} at[HD_BIRTH_WORDS_MAX]; /* the oldest is replaced */
	uint32_t n, next;
};

void hd_birth_words_add(struct hd_birth_words *words, const struct hd_lock *lock, const struct hd_word *word);
/* Fills raw->words, in the arena. */
void hd_birth_words_read(const struct hd_birth_words *words, struct hd_mem *child, struct hd_fork_raw *raw, struct hd_arena *arena);

#endif
