/* Launching under PTRACE_SEIZE and following everything born from it.  The one place that calls waitpid. */
#ifndef HANGDOG_TRACER_H
#define HANGDOG_TRACER_H

#include "hangdog/err.h"
#include "hangdog/event.h"
#include "hangdog/forkev.h"

struct hd_tracer;

struct hd_launch {
	char *const *argv;
	const char *const *env_add;  /* "NAME=value" texts added or replaced, NULL-terminated; NULL = none */
	bool seize;                  /* false: --follow observe, a plain child */
	bool die_with_me;
	enum hd_evidence evidence;
};

/* Called for each event in the order seen, after the tracee was let go again (fork evidence was taken before that). */
typedef void hd_event_fn(void *ctx, const struct hd_event *event);

struct hd_tracer *hd_tracer_new(hd_event_fn *fn, void *ctx);
/* Lets everybody go, stops nobody.  NULL is fine. */
void hd_tracer_free(struct hd_tracer *tracer);

/* Starts the command: 0 and *ret_pid; -ENOENT etc. with ret_exec_failed set when COMMAND could not be run (126/127). */
HD_MUST_CHECK int hd_tracer_launch(struct hd_tracer *tracer, const struct hd_launch *launch, int32_t *ret_pid,
				   bool *ret_exec_failed, struct hd_err *err);
/* Seizes a running tree without missing a thread that is born meanwhile. */
HD_MUST_CHECK int hd_tracer_attach(struct hd_tracer *tracer, int32_t pid, struct hd_err *err);
/* Handles everything that has happened; never blocks.  Call when signal_fd is readable or at least every look. */
HD_MUST_CHECK int hd_tracer_drain(struct hd_tracer *tracer);
bool hd_tracer_has_tracees(const struct hd_tracer *tracer);
/* Longest time that any tracee was held in a stop that we answer, microseconds. */
int64_t hd_tracer_longest_stop_us(const struct hd_tracer *tracer);
/* Stops every thread of `pid` for at most budget_ms, calls fn for each with its registers, lets go.  For dump. */
typedef void hd_stopped_fn(void *ctx, int32_t tid, const struct hd_regs *regs);
HD_MUST_CHECK int hd_tracer_freeze(struct hd_tracer *tracer, int32_t pid, int budget_ms, hd_stopped_fn *fn, void *ctx,
				   int64_t *ret_longest_us);
/* Detach everybody, gracefully (used by attach on exit and ctl detach). */
void hd_tracer_detach_all(struct hd_tracer *tracer);

#endif
