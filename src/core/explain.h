/* From certainties to an answer: culprits, cause, scope, status of everybody, one sentence (proof.md section 4). */
#ifndef HANGDOG_CORE_EXPLAIN_H
#define HANGDOG_CORE_EXPLAIN_H

#include "core/roots.h"

/* Fills everything of *v that follows from v->threads (wait, wakers, owner, certainty) and v->graph. */
void hd_explain(const struct hd_snapshot *snap, struct hd_verdict *v, struct hd_arena *arena);

/* summary.c: the sentence and the signature of a root. */
const char *hd_summary_root(const struct hd_snapshot *snap, const struct hd_verdict *v, const struct hd_root *root,
			    struct hd_arena *arena);
const char *hd_summary_stall(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t lead, int64_t stall_ns,
			     struct hd_arena *arena);
const char *hd_signature(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t lead, struct hd_arena *arena);

#endif
