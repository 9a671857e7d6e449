/* Why can a thread that can never go on not go on?  One thread's own facts first; cycles are seen by roots. */
#ifndef HANGDOG_CORE_CAUSE_H
#define HANGDOG_CORE_CAUSE_H

#include "core/owner.h"

/* The cause that this thread shows by itself, HD_CAUSE_NONE if only its surroundings tell. */
enum hd_cause hd_cause_of_thread(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t);
/* Order of explanation (proof.md section 4): the lower, the more it explains. */
unsigned hd_cause_rank(enum hd_cause cause);

#endif
