/* Evidence taken at a fork: child and forking thread stand in their ptrace stops, the other threads run on.
 * Kept small; the native stacks are unwound only if the child later hangs (proof.md section 5). */
#ifndef HANGDOG_FORKEV_H
#define HANGDOG_FORKEV_H

#include "hangdog/event.h"
#include "hangdog/unwind.h"

enum hd_evidence { HD_EVIDENCE_OFF = 0, HD_EVIDENCE_LIGHT, HD_EVIDENCE_FULL };

/* parent_tid is in its event stop; child may not have stopped yet.  Gives NULL when there is nothing to keep.
 * The record lives in *ret_arena (the caller's from then on). */
struct hd_fork *hd_forkev_collect(enum hd_evidence level, int32_t parent_pid, int32_t parent_tid, int32_t child,
				  struct hd_arena **ret_arena);

/* Later: native stacks of the forking thread and of the dead threads, from the record and the child's memory, merged
 * with the Python stacks that were read at the birth.  Texts go to `arena`; the result is a copy, the record stays. */
struct hd_fork *hd_forkev_resolve(const struct hd_fork *fork, struct hd_unwinder *unwinder, const struct hd_unwind_query *child,
				  struct hd_arena *arena);
/* The fork was not seen: rebuild what the child's memory still tells.  NULL = nothing found. */
struct hd_fork *hd_forkev_dig(struct hd_unwinder *unwinder, const struct hd_unwind_query *child, struct hd_arena *arena);

#endif
