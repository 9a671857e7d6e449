/* Interval timers (alarm, setitimer): nowhere in /proc, so a caught SIGALRM, SIGVTALRM or SIGPROF is an outside until the
 * process itself was asked: one still thread of it makes one getitimer for us, last, when all else is proven.  And a timer
 * whose signal ends the process lets none of its threads go on; who waits for nothing but that end is no culprit.
 * docs/decisions/0014-asking-for-timers.md.  Numbers and argument registers: x86-64 only. */
#ifndef HANGDOG_ITIMERS_H
#define HANGDOG_ITIMERS_H

#include "hangdog/verdict.h"

#define HD_ITIMERS 3u /* ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF: 0, 1, 2 (include/uapi/linux/time.h) */

/* What is to be asked of which thread; it must still be that thread in that very call when it stands. */
struct hd_itimer_ask {
	int32_t pid, tid;
	uint64_t start;        /* of the thread, clock ticks */
	int64_t nr;
	uint64_t args[HD_ARGS], sp, pc;
	unsigned which;        /* bit n: ask for timer n */
	const struct hd_word *words; /* borrowed: hold the expected values before and after */
	uint32_t n_words;
};

/* Whom to ask in process p: a dead thread in a call that goes on by itself, exactly as it was, when it is interrupted.
 * False: there is none, or nothing to ask. */
HD_MUST_CHECK bool hd_itimers_plan(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t p, struct hd_itimer_ask *ret);

/* Will a timer that was asked for end process p?  Armed, and its signal neither caught nor ignored, nor blocked by all. */
bool hd_alarm_ends(const struct hd_snapshot *snap, uint32_t p);

/* Does dead thread t wait for nothing but the end of processes that a timer of their own will end? */
bool hd_alarm_frees(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t);

#endif
