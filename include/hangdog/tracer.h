/* Launching under PTRACE_SEIZE and following everything born from it.  The one place that calls waitpid: it reaps every
 * child of hangdog, also those that others started (their end is an HD_EV_EXIT event with pid 0).
 * The form (one process, parent of COMMAND) and its reasons: docs/decisions/0001-wrapper-form.md.
 * Facts of the kernel that it rests on: ptrace(2); kernel/ptrace.c, kernel/signal.c, kernel/fork.c, fs/exec.c. */
#ifndef HANGDOG_TRACER_H
#define HANGDOG_TRACER_H

#include "hangdog/err.h"
#include "hangdog/event.h"
#include "hangdog/forkev.h"

struct hd_tracer;
struct hd_signals;

struct hd_launch {
	char *const *argv;
	const char *const *env_add;  /* "NAME=value" texts added or replaced, NULL-terminated; NULL = none */
	const struct hd_signals *signals; /* what COMMAND gets back of hangdog's own inheritance; NULL = as hangdog is now */
	bool seize;                  /* false: --follow observe, a plain child */
	bool die_with_me;
};

/* Called for each event in the order seen, after the tracee was let go again (fork evidence was taken before that). */
typedef void hd_event_fn(void *ctx, const struct hd_event *event);

struct hd_tracer *hd_tracer_new(hd_event_fn *fn, void *ctx);
/* Evidence at forks is taken with `forkev` (borrowed; NULL = none is taken) at this level from now on. */
void hd_tracer_set_evidence(struct hd_tracer *tracer, struct hd_forkev *forkev, enum hd_evidence level);
/* Frees the tables and stops nobody.  The kernel lets the tracees go when this process ends; to go on without them,
 * call hd_tracer_detach_all before.  NULL is fine. */
void hd_tracer_free(struct hd_tracer *tracer);

/* Starts the command: 0 and *ret_pid; -ENOENT etc. with ret_exec_failed set when COMMAND could not be run (126/127).
 * The root is told as an HD_EV_NEW_PROCESS event with tid 0.  Again after the root has ended: a restart. */
HD_MUST_CHECK int hd_tracer_launch(struct hd_tracer *tracer, const struct hd_launch *launch, int32_t *ret_pid,
				   bool *ret_exec_failed, struct hd_err *err);
/* Seizes a running tree without missing a thread that is born meanwhile.  Its processes are told as HD_EV_NEW_PROCESS
 * events with birth unknown.  Several trees: call several times. */
HD_MUST_CHECK int hd_tracer_attach(struct hd_tracer *tracer, int32_t pid, struct hd_err *err);
/* Follows the tree of `pid` by looking at /proc only (--follow observe of a running program). */
HD_MUST_CHECK int hd_tracer_observe(struct hd_tracer *tracer, int32_t pid, struct hd_err *err);
/* Handles what has happened; never blocks.  Call when the signal descriptor is readable and at least every look.
 * 1 = there may be more (bounded work per call): call again soon; 0 = all done.  When the job control of the terminal
 * stopped the launched root, hangdog stops itself in here, so that the shell sees it, and comes back with its SIGCONT. */
HD_MUST_CHECK int hd_tracer_drain(struct hd_tracer *tracer);
bool hd_tracer_has_tracees(const struct hd_tracer *tracer); /* or, with observe, processes */
/* The launched or (first) attached root; 0 = none yet. */
int32_t hd_tracer_root(const struct hd_tracer *tracer);
/* true once the root has ended, with its wait status. */
bool hd_tracer_root_status(const struct hd_tracer *tracer, int32_t *ret_status);
/* Longest time that any tracee was held in a stop that we answer, microseconds. */
int64_t hd_tracer_longest_stop_us(const struct hd_tracer *tracer);
/* Stops every thread of `pid` for at most budget_ms, calls fn for each with its registers, lets go.  For dump.
 * `pid` need not be a tracee: it is seized for that time only.  Threads that cannot stop (vfork parents, disk) are left
 * out.  -ESRCH: gone; -EPERM: not allowed, or traced by somebody else. */
typedef void hd_stopped_fn(void *ctx, int32_t tid, const struct hd_regs *regs);
HD_MUST_CHECK int hd_tracer_freeze(struct hd_tracer *tracer, int32_t pid, int budget_ms, hd_stopped_fn *fn, void *ctx,
				   int64_t *ret_longest_us);
/* The same for one thread alone, so that no other's system call is interrupted. */
HD_MUST_CHECK int hd_tracer_freeze_thread(struct hd_tracer *tracer, int32_t pid, int32_t tid, int budget_ms, hd_stopped_fn *fn,
					  void *ctx, int64_t *ret_longest_us);
/* Asks the traced process for its interval timers: time left each, nanoseconds, 0 = not armed; only those asked for.  The
 * thread is stopped for it, makes the calls and goes on in its own call as if nothing had been; 0 means that it is back
 * there, asleep, and then *ret_voluntary, *ret_involuntary are its switch counters now.
 * -ECANCELED: it was not (any more) where it should be; -EPERM: may not be asked (seccomp, not our tracee). */
struct hd_itimer_ask;
HD_MUST_CHECK int hd_tracer_ask_itimers(struct hd_tracer *tracer, const struct hd_itimer_ask *ask, int64_t ret_left_ns[3],
					uint64_t *ret_voluntary, uint64_t *ret_involuntary);
/* Detach everybody, gracefully (used by attach on exit and ctl detach): nobody is left stopped who was not stopped by
 * job control before.  Tracees that cannot stop now (vfork parents) are let go when hangdog ends. */
void hd_tracer_detach_all(struct hd_tracer *tracer);
/* A child that hangdog started for its own ends (exec: actions): not part of the tree; its end is told with pid 0. */
void hd_tracer_add_helper(struct hd_tracer *tracer, int32_t pid);
/* Looks for processes of the tree that no event told of (observe, CLONE_UNTRACED), now instead of some time soon. */
void hd_tracer_rescan(struct hd_tracer *tracer);
/* While set, newborns are killed before their first instruction: what ends a fork bomb (used by hd_kill_tree). */
void hd_tracer_set_killing(struct hd_tracer *tracer, bool on);
/* Did the root get this signal from this sender since then (CLOCK_MONOTONIC)?  Only known under ptrace. */
bool hd_tracer_root_got(const struct hd_tracer *tracer, int32_t signal, int32_t sender, int64_t since_ns);
/* The root is followed without being traced. */
bool hd_tracer_is_observing(const struct hd_tracer *tracer);
/* The last stop signal of the root reached hangdog as well: its stop is to be mirrored, whoever sent it. */
void hd_tracer_follow_stop(struct hd_tracer *tracer);

#endif
