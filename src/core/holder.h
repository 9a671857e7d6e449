/* Who held, at the fork, the lock that a thread of the copy waits for (proof.md section 5)?  For people only: nothing is
 * proven by it.  Best first: an owner written in the lock, what the fork evidence says of it, where the parent's threads
 * stood, and that there was only one of them. */
#ifndef HANGDOG_CORE_HOLDER_H
#define HANGDOG_CORE_HOLDER_H

#include "hangdog/verdict.h"

/* v->threads[t].owner is known; the fork record should be resolved (hd_forkev_resolve), or only Python stacks count. */
struct hd_fork_holder hd_fork_holder_find(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t);
/* A living thread looks as if it had taken the lock: then it was made anew after the fork, perhaps. */
bool hd_holder_has_rival(const struct hd_thread *th);

#endif
