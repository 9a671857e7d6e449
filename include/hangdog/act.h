/* Ending a tree: every process of it and nobody else, by pidfd, identity checked right before each signal. */
#ifndef HANGDOG_ACT_H
#define HANGDOG_ACT_H

#include "hangdog/err.h"
#include "hangdog/model.h"

struct hd_tracer;

struct hd_kill_only {
	int32_t pid;
	uint64_t start; /* clock ticks */
};

struct hd_kill {
	int64_t term_timeout_ms; /* from SIGTERM to SIGKILL; 0 = SIGKILL at once */
	struct hd_tracer *tracer; /* whose tracees they are: newborns are killed at birth in the last round; may be NULL */
	const struct hd_kill_only *only; /* these processes alone, and nothing that is born meanwhile; NULL = all */
	size_t n_only;
};
/* Blocking but pumping: calls `pump(ctx)` at least every 20 ms so that tracees are reaped.  Returns when everybody is
 * gone.  Bounded: processes born meanwhile are found again (fork bomb), at most `term_timeout_ms` + 10 s in all.
 * pump must lead to hd_tracer_drain and hd_model_apply of the same model.  -ETIMEDOUT: some are left (named in err). */
HD_MUST_CHECK int hd_kill_tree(const struct hd_model *model, const struct hd_kill *how, void (*pump)(void *ctx), void *ctx,
			       uint32_t *ret_ended, struct hd_err *err);
/* SIGSTOP to every process of the tree: leaves it for a debugger. */
HD_MUST_CHECK int hd_stop_tree(const struct hd_model *model, struct hd_err *err);

#endif
