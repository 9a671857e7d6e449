/* One hang, from snapshot to answer: verdict, advice, report texts, and the files they go to.
 * Shared by every command that decides (run, attach, why, dump); replay and these agree because all call hd_decide. */
#ifndef HANGDOG_CMD_CASE_H
#define HANGDOG_CMD_CASE_H

#include "hangdog/err.h"
#include "hangdog/gather.h"
#include "hangdog/report.h"
#include "hangdog/tracer.h"

struct hd_case {
	struct hd_snapshot *snap; /* owned */
	struct hd_arena *arena;   /* owns the verdict and all texts made for this case */
	struct hd_verdict *verdict;
	struct hd_advice advice[HD_ADVICE_MAX];
	uint32_t n_advice;
	const char *id;   /* incident id, NULL until written */
	const char *path; /* incident directory, NULL until written */
	struct hd_capture **captures; /* [n_procs], what a dump read; owned, NULL = nothing (also as a row) */
	struct hd_action_note action;
	int64_t longest_stop_us, capture_ms;
	int32_t moving; /* a process whose threads should have stood still together and did not; 0 = none */
	bool is_dump, only_python, each_thread;
	bool supposes_no_timers; /* hd_case_suppose_no_timers changed the facts */
};

/* Decides about `snap`, which the case owns from now on. */
void hd_case_init(struct hd_case *c, struct hd_snapshot *snap);
void hd_case_release(struct hd_case *c);
/* What was read for its stacks, once they are filled: a case may be kept for long. */
void hd_case_drop_captures(struct hd_case *c);
/* Again, after facts were added. */
void hd_case_decide(struct hd_case *c);
/* It says "nothing is wrong", maybe only because interval timers could be armed, which were not asked for: decides again
 * as if none were.  True if it is a deadlock (then, or before); hd_timers_settle must follow before anybody hears of it. */
HD_MUST_CHECK bool hd_case_suppose_no_timers(struct hd_case *c);

/* Looks again, at once: a deadlock is told only if a second gather says the same of the thread that the first one leads
 * with.  What looks dead for the moment in which it changes (a child that is just ending) does not last until then.
 * True: *c is the second look.  False: it is the second look, or the first if there could be no second. */
HD_MUST_CHECK bool hd_case_confirm(struct hd_case *c, struct hd_watcher *w, const struct hd_model *model);

/* Stacks of the dead-locked threads, of those that wait for them and of the fork records (all threads if `all`), read
 * without stopping anybody; then decides again, since names make a better sentence.  Facts do not change. */
void hd_case_stacks(struct hd_case *c, struct hd_watcher *w, const struct hd_stack_options *options, bool all);

/* Before that, where `tracer` has tracees: the indexes that their names come from, while the tracees' events are served. */
void hd_case_prepare(struct hd_case *c, struct hd_watcher *w, struct hd_tracer *tracer, const struct hd_stack_options *options,
		     bool all);

/* The same for the live view: the stacks of what hangs, and that of one thread (0 = none). */
void hd_case_view_stacks(struct hd_case *c, struct hd_watcher *w, int32_t tid);

void hd_case_json(const struct hd_case *c, struct hd_buf *out);
void hd_case_text(const struct hd_case *c, const struct hd_text_style *style, struct hd_buf *out);

/* Writes (or writes again, once an action's result is known) the incident directory.  Fills id and path. */
HD_MUST_CHECK int hd_case_record(struct hd_case *c, const char *incident_dir, struct hd_err *err);
/* --report FILE: JSON if it ends in .json or `json`, else text; "-" = stdout. */
HD_MUST_CHECK int hd_case_report(const struct hd_case *c, const char *file, bool json, struct hd_err *err);

/* The same hang still there?  Equal for equal sets of dead threads in the same waits. */
uint64_t hd_case_fingerprint(const struct hd_case *c);
/* The same hang again after a restart?  Equal for hangs of one cause at one place; never 0. */
uint64_t hd_case_signature(const struct hd_case *c);

#endif
