/* --on-hang kill-child: which processes to end, and nobody else, so that the rest of the tree goes on.  Pure.
 *
 * It is tried on paper first: the snapshot without these processes is judged again.  If somebody would still be stuck, or
 * would wait for ever for an answer that the ended process owed it, the answer is no. */
#ifndef HANGDOG_KILLCHILD_H
#define HANGDOG_KILLCHILD_H

#include "hangdog/verdict.h"

struct hd_kill_child {
	const uint32_t *procs; /* indexes of the processes to end */
	uint32_t n;
	const char *refusal;   /* NULL = go ahead; else why it would not help or make it worse */
};

struct hd_kill_child hd_kill_child_plan(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena);

#endif
