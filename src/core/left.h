/* What children that ended badly left behind for those who still wait: a lock between processes that stayed taken, a
 * message that was never finished.  Private to core/report*. */
#ifndef HANGDOG_CORE_LEFT_H
#define HANGDOG_CORE_LEFT_H

#include "hangdog/verdict.h"

#define HD_LEFT_MAX 8u

/* Clauses for people, in the arena: "the lock of queue x stayed taken: ...".  Which of several lost children it was, the
 * facts do not tell.  Returns how many; the first HD_LEFT_MAX. */
uint32_t hd_left_behind(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena,
			const char *ret_clauses[HD_LEFT_MAX]);

#endif
