/* What to do about a hang, and when to stop trying: options and verdicts in, the next step out (contract section 2).
 * Pure: time is a number that the caller passes; the caller performs the step and says how it went. */
#ifndef HANGDOG_POLICY_H
#define HANGDOG_POLICY_H

#include "hangdog/judge.h"

enum hd_action_kind {
	HD_ACTION_REPORT = 0,
	HD_ACTION_HEAL,
	HD_ACTION_KILL,
	HD_ACTION_RESTART,
	HD_ACTION_STOP,
	HD_ACTION_KILL_CHILD,
	HD_ACTION_EXEC,
};
const char *hd_action_name(enum hd_action_kind kind); /* as --on-hang takes it and the report says it */

#define HD_ACTIONS_MAX 8
struct hd_actions {
	struct hd_action {
		enum hd_action_kind kind;
		const char *command; /* EXEC only */
	} at[HD_ACTIONS_MAX];
	unsigned n;
};

/* The delay before a restart doubles each time up to this, and falls back after so long without a hang. */
#define HD_RESTART_DELAY_MAX_MS INT64_C(60000)
#define HD_RESTART_HEALTHY_MS INT64_C(600000)
/* Restarts in a row that ended in the very same hang without any progress between: then a restart is no cure. */
#define HD_RESTARTS_IN_VAIN 3

struct hd_policy {
	/* Set by the caller, not changed here. */
	const struct hd_actions *actions;
	enum hd_certainty certainty; /* the least that lets an action other than report and exec fire */
	int64_t restart_delay_ms;
	uint32_t restarts_max;
	bool can_restart;            /* hangdog launched the command itself */
	/* State. */
	unsigned next;               /* action to look at next for this hang */
	enum hd_certainty hang_certainty;
	uint32_t restarts, in_vain;
	bool is_fresh;               /* no hang yet since the start */
	bool is_given_up;            /* for this hang: restarts are used up */
	int64_t delay_ms, started_ms;
	uint64_t signature;          /* of the first hang after the last start, 0 = none */
	uint64_t cpu_ns;             /* the most that a run used which ended in that hang */
};

struct hd_step {
	enum hd_action_kind kind; /* REPORT = nothing (more) to do */
	const char *command;      /* EXEC */
	int64_t delay_ms;         /* RESTART: wait so long before the new start */
	bool gives_up;            /* KILL: because restarts are used up and nothing else was asked for */
	/* Actions that were skipped on the way here and why, for the log; NULL = none. */
	const char *skipped;
};

/* The command was started (again). */
void hd_policy_start(struct hd_policy *p, int64_t now_ms);
/* A new hang.  `signature` is equal for equal hangs (0 = never equal).  Did this run get further than those before it
 * (docs/decisions/0011-progress-between-restarts.md)?  `has_progressed`: it left something behind that lasts; `cpu_ns`: CPU
 * time of the tree since the start. */
struct hd_run {
	bool has_progressed;
	uint64_t cpu_ns;
};
#define HD_CPU_FURTHER 2               /* so many times the best run before, */
#define HD_CPU_FURTHER_NS HD_NS_PER_S  /* and so much on top, is further */
void hd_policy_hang(struct hd_policy *p, enum hd_certainty certainty, uint64_t signature, const struct hd_run *run, int64_t now_ms);
/* The next thing to do about it.  Call again when it failed, or always after EXEC. */
struct hd_step hd_policy_next(struct hd_policy *p);

#endif
