/* One guarded tree: everything that lives as long as hangdog guards it.  run and attach make one, cmd/loop drives it.
 *
 * The main path is src/cmd/loop.c; this header is its vocabulary. */
#ifndef HANGDOG_CMD_SUPERVISOR_H
#define HANGDOG_CMD_SUPERVISOR_H

#include "cmd/audit.h"
#include "cmd/case.h"
#include "cmd/options.h"
#include "cmd/timers.h"
#include "hangdog/door.h"
#include "hangdog/policy.h"
#include "hangdog/progress.h"
#include "hangdog/rhythm.h"
#include "hangdog/signals.h"
#include "hangdog/terminal.h"
#include "hangdog/tracer.h"
#include "hangdog/vec.h"

struct hd_counters {
	uint64_t looks, gathers, forks, hangs;
	uint64_t by_cause[HD_CAUSE_COUNT];
};

/* A lock that was freed (cmd/heal.c). */
struct hd_healed {
	int32_t pid;
	uint64_t start, lock; /* of the waiter, clock ticks; its address */
};

struct hd_supervisor {
	const struct hd_options *options;
	struct hd_tracer *tracer;
	struct hd_signals *signals;
	struct hd_model *model;
	struct hd_watcher *watcher;
	struct hd_unwinder *unwinder;
	struct hd_forkev *forkev;
	struct hd_door *door;       /* NULL: could not be opened; guarding goes on */
	struct hd_policy policy;
	const char *const *command; /* NULL-terminated; what the reports name */
	bool launches;              /* run: hangdog started it and may start it again */
	int64_t started_ms;         /* monotonic */
	int64_t look_due_ms;        /* monotonic */
	struct hd_progress_spec progress; /* --progress */
	struct hd_meter *meter;
	struct hd_rhythm rhythm;    /* when it last moved, monotonic */
	int64_t measure_due_ms;
	uint64_t known_hang;        /* fingerprint of the hang that was handled already, 0 = none */
	struct hd_case hang;        /* the newest hang, for the door; valid if has_hang */
	bool has_hang;
	bool is_hang_over;          /* it was healed, or its culprits ended: guarding goes on */
	struct hd_buf cures;        /* names of the cures so far, with commas between */
	HD_VEC(struct hd_healed) healed;
	hd_asked_list asked;        /* interval timers (cmd/timers.c) */
	struct hd_terminal terminal; /* as at the start */
	uint64_t cpu_ns;            /* of the tree since its start */
	struct hd_audit_log *audit; /* --audit; else NULL */
	struct hd_counters count;
	struct {
		int64_t due_ms;     /* monotonic */
		uint64_t hangs;     /* as last written */
		bool is_said;       /* that it cannot be written */
	} metrics;                  /* --metrics (cmd/metrics.c) */
	bool is_log_said;           /* that --log does not reach its log */
	uint32_t threads;           /* at the newest look */
	uint32_t slices;            /* of a gather that has to wait for an index, so far; 0 = none under way */
	int64_t sliced_stall_ns;    /* what it was begun for */
	bool is_over;               /* leave the loop */
	bool has_ended_it;          /* hangdog ended the command because it hung: 124 */
	bool has_failed;            /* hangdog itself failed: 125 */
	int32_t stop_signal;        /* hangdog was asked to end, 0 = no */
	int32_t root_status;        /* wait status of the command once it has ended; -1 before */
};

/* Everything but the tracees: 0, or an error said in `err`. */
HD_MUST_CHECK int hd_supervisor_init(struct hd_supervisor *s, const struct hd_options *options, enum hd_signals_role role,
				     struct hd_err *err);
void hd_supervisor_release(struct hd_supervisor *s);
/* A root was launched or seized: start watching it. */
void hd_supervisor_watch(struct hd_supervisor *s, int32_t root);
/* Starts COMMAND, the first time or again (incident_dir: of the hang that made us; NULL the first time).
 * Gives 0 or the exit status to end with (125, 126, 127), after having said why. */
HD_MUST_CHECK int hd_supervisor_launch(struct hd_supervisor *s, uint32_t restart, const char *incident_dir);

/* Looks, and on a verdict reports and acts. */
void hd_supervisor_look(struct hd_supervisor *s);
/* Once more, after a slice (slices > 0). */
void hd_supervisor_go_on(struct hd_supervisor *s);
/* Job control or a debugger stopped the root: it cannot move. */
bool hd_supervisor_is_stopped(const struct hd_supervisor *s);
/* Performs what --on-hang asks for about s->hang. */
void hd_supervisor_act(struct hd_supervisor *s);
/* Ends every process of the tree; false when some are left (said). */
bool hd_supervisor_end_tree(struct hd_supervisor *s, uint32_t *ret_ended);
/* The same before another start, which then finds the terminal as it was and its GPU's memory free. */
bool hd_supervisor_clear_away(struct hd_supervisor *s, uint32_t *ret_ended);
/* Answers a client of the door; hd_door_answer_fn. */
bool hd_supervisor_answer(void *supervisor, const char *request, struct hd_buf *reply);
/* Guards until it is over. */
void hd_supervisor_loop(struct hd_supervisor *s);

#endif
