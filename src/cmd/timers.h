/* Interval timers of processes that would be called dead: asked last, when all else is proven (hangdog/itimers.h).
 * What was answered is kept for as long as it says something, so that a program is not stopped again at each look. */
#ifndef HANGDOG_CMD_TIMERS_H
#define HANGDOG_CMD_TIMERS_H

#include "cmd/case.h"
#include "hangdog/vec.h"

/* Owned by the supervisor. */
struct hd_asked {
	int32_t pid;
	uint64_t start;     /* of the process, clock ticks */
	int64_t due_ms;     /* not to be asked again before, CLOCK_MONOTONIC */
	int64_t armed_ms;   /* until then a timer of its own is known to be armed; 0 = none is */
	int64_t alarm_ms;   /* when its alarm fires, 0 = none */
	uint32_t times;     /* asked so far */
};
typedef HD_VEC(struct hd_asked) hd_asked_list;

struct hd_supervisor;

/* A deadlock: asks the processes that it is in for their timers (which stops a thread of each for a moment) and decides again
 * from the answers.  False: it is none, or one that an alarm will end within moments, so it is not told now. */
HD_MUST_CHECK bool hd_timers_settle(struct hd_supervisor *s, struct hd_case *c);

#endif
