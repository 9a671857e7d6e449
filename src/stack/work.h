/* How much more work may be done before somebody else must be served: building the index of a big library takes tens of
 * milliseconds, and the program may wait for its tracer meanwhile.  A unit is one symbol or relocation handled once: some
 * nanoseconds.  What is not finished goes on where it was left at the next question. */
#ifndef STACK_WORK_H
#define STACK_WORK_H

#include "hangdog/base.h"

struct hd_work {
	uint64_t left;
	bool is_starved; /* something was not finished: an answer may be missing for that reason only */
};

/* May this much be done now?  work NULL = always. */
static inline bool hd_work_take(struct hd_work *work, uint64_t units)
{
	if (work == NULL)
		return true;
	if (work->left == 0) {
		work->is_starved = true;
		return false;
	}
	work->left -= units < work->left ? units : work->left;
	return true;
}

#endif
