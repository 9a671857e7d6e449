/* Where a deadlock is rooted: the strongly connected parts of the dead graph that wait for nothing dead outside
 * themselves.  Everyone else merely waits on them (proof.md section 4). */
#ifndef HANGDOG_CORE_ROOTS_H
#define HANGDOG_CORE_ROOTS_H

#include "core/cause.h"

struct hd_root {
	const uint32_t *threads; /* its members */
	uint32_t n_threads;
	uint32_t lead;           /* the member that explains it best */
	enum hd_cause cause;
	enum hd_certainty certainty; /* of its weakest member */
};

struct hd_roots {
	struct hd_root *at; /* best explained first: certainty, cause, pid, tid; only roots that concern the guarded tree */
	uint32_t n;
	uint32_t *root_of;  /* per thread: index into at, HD_NONE for those that are not dead or wait on no such root */
};

/* Needs v->threads (wait, owner, certainty) and v->graph. */
struct hd_roots hd_roots_find(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena);

#endif
