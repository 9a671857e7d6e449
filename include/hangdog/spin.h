/* Threads that burn CPU time and get nowhere: the same waiting loop, over memory that does not change, sample after sample.
 * Evidence for a stall, never for a proof.  Pure; os/spin.c takes the samples.
 *
 * What tells a waiting loop from a computing one: its code has a PAUSE instruction, or it is the C library's sched_yield
 * (mov $24,%eax; syscall).  Spin locks of glibc, jemalloc, tcmalloc and abseil, the barriers of libgomp, libomp and
 * oneTBB, and OpenBLAS's queues all are made so; a loop that computes has neither.  What it looks at is what its
 * registers point to, and the fixed addresses in its code. */
#ifndef HANGDOG_SPIN_H
#define HANGDOG_SPIN_H

#include "hangdog/base.h"

#define HD_SPIN_REACH 64u /* bytes of code before and behind the instruction that are looked at */
#define HD_SPIN_WORDS_MAX 24u
#define HD_SPIN_STATIC_MAX 8u

struct hd_spin_word {
	uint64_t addr;
	uint32_t value;  /* the word there */
	uint32_t digest; /* of it and what follows it */
};

struct hd_spin_sample {
	uint64_t pc, sp;
	bool is_waiting; /* hd_spin_code_waits */
	struct hd_spin_word words[HD_SPIN_WORDS_MAX]; /* not of the thread's own stack */
	uint32_t n_words;
};

/* All zero = nothing seen yet. */
struct hd_spin {
	int64_t since_ns;
	uint32_t samples, strangers; /* strangers: of them, those that were not in waiting code */
	uint64_t low_sp, high_sp;
	struct hd_spin_word words[HD_SPIN_WORDS_MAX]; /* unchanged, and looked at, in all samples */
	uint32_t n_words;
};

/* Does the code around a place wait?  `code` are n bytes; the place is somewhere in the middle. */
bool hd_spin_code_waits(const uint8_t *code, size_t n);
/* Fixed addresses that it reads (x86-64, relative to the instruction); base: address of code[0]. */
uint32_t hd_spin_code_words(const uint8_t *code, size_t n, uint64_t base, uint64_t ret[HD_SPIN_STATIC_MAX]);

/* A sample that does not fit the earlier ones (another depth, memory that changed) begins anew. */
void hd_spin_add(struct hd_spin *spin, const struct hd_spin_sample *sample, int64_t now_ns);
/* Enough samples over at least this time, nearly all of them in waiting code, with memory that never changed. */
bool hd_spin_gets_nowhere(const struct hd_spin *spin, int64_t now_ns, int64_t least_ns);

#endif
