/* From a snapshot to an answer: classify, build the graph, judge, check the certificate, explain.  One call, pure.
 * Live looks and `hangdog replay` enter here, so equal snapshots give equal verdicts. */
#ifndef HANGDOG_VERDICT_H
#define HANGDOG_VERDICT_H

#include "hangdog/judge.h"
#include "hangdog/wait.h"

#define HD_CAUSES(X)                                \
	X(HD_CAUSE_NONE, NULL)                      \
	X(HD_CAUSE_INHERITED_LOCK, "inherited-lock") \
	X(HD_CAUSE_MISSING_THREAD, "missing-thread") \
	X(HD_CAUSE_DEAD_HOLDER, "dead-holder")      \
	X(HD_CAUSE_LOCK_CYCLE, "lock-cycle")        \
	X(HD_CAUSE_SELF_LOCK, "self-lock")          \
	X(HD_CAUSE_WAIT_CYCLE, "wait-cycle")        \
	X(HD_CAUSE_NO_WAKER, "no-waker")            \
	X(HD_CAUSE_UNKNOWN, "unknown")

enum hd_cause {
#define X(c, name) c,
	HD_CAUSES(X)
#undef X
	HD_CAUSE_COUNT
};
const char *hd_cause_name(enum hd_cause cause);

enum hd_verdict_kind { HD_VERDICT_NONE = 0, HD_VERDICT_STALL, HD_VERDICT_DEADLOCK };
enum hd_scope { HD_SCOPE_NONE = 0, HD_SCOPE_PARTIAL, HD_SCOPE_PROCESS };
enum hd_status { HD_STATUS_ALIVE = 0, HD_STATUS_DEADLOCKED, HD_STATUS_WAITING, HD_STATUS_STOPPED, HD_STATUS_EXITED };
const char *hd_verdict_name(enum hd_verdict_kind kind);
const char *hd_scope_name(enum hd_scope scope);
const char *hd_status_name(enum hd_status status);

/* Who holds what the thread waits for. */
enum hd_owner_state {
	HD_OWNER_NONE = 0,   /* ownerless, or not known */
	HD_OWNER_THREAD,     /* a thread of the snapshot */
	HD_OWNER_SELF,       /* the waiter itself */
	HD_OWNER_INHERITED,  /* a thread of the parent that the fork did not copy */
	HD_OWNER_FORKER,     /* the forking thread itself, under its old tid */
	HD_OWNER_DEAD,       /* a thread or process that does not exist any more */
	HD_OWNER_ELSEWHERE,  /* exists, but not in the snapshot */
};

struct hd_owner {
	enum hd_owner_state state;
	enum hd_confidence confidence;
	uint32_t thread;  /* HD_OWNER_THREAD, HD_OWNER_SELF; else HD_NONE */
	int32_t tid, pid; /* in hangdog's namespace where known, else as in memory; 0 = not known */
	const char *name; /* of the thread, NULL */
	bool is_recorded; /* HD_OWNER_INHERITED: the record of a fork lists it among the threads that were not copied */
	bool is_seen_inside; /* told by where the thread stands, not by the lock: explains, never counts for a proof */
	uint32_t fork_other; /* HD_OWNER_INHERITED: index in the process's fork->others, HD_NONE = not recorded */
};

/* Who of the parent's threads held the lock at the fork: for explaining only, nothing is decided by it. */
struct hd_fork_holder {
	int32_t tid;    /* in hangdog's namespace; 0 = not known */
	uint32_t other; /* index in the process's fork->others; HD_NONE = not among them */
	enum hd_confidence confidence; /* HD_CONF_LOW: "probably" */
};

/* One row per thread of the snapshot. */
struct hd_thread_verdict {
	struct hd_wait wait;
	struct hd_edges wakers;      /* threads; complete if wait.outside is NULL and not has_deadline */
	struct hd_owner owner;
	struct hd_fork_holder holder;
	enum hd_certainty certainty; /* NONE = can go on as far as is known */
	bool is_culprit;             /* in a root component */
	bool is_starved;             /* only a poller with a time limit keeps it going; all it polls for is dead */
	uint32_t root;               /* for those that merely wait: a culprit thread that they wait on; HD_NONE */
};

struct hd_proc_verdict {
	enum hd_status status;
	bool is_culprit;
	enum hd_cause cause; /* of the root component in this process, NONE otherwise */
};

struct hd_verdict {
	enum hd_verdict_kind kind;
	enum hd_scope scope;
	enum hd_certainty certainty; /* of the culprits: the strongest root is the one explained */
	enum hd_cause cause;
	bool assumes_no_signal;      /* handlers exist that only somebody outside would trigger */
	int64_t blocked_ns;          /* how long the culprit had been blocked */
	const char *unseen;          /* NULL, or why there is no verdict: who could not be looked into.  Without that, a deadlock */
	const char *summary;         /* one sentence a user understands */
	const char *signature;       /* same hang, same text: cause, lock or wait, innermost own frames; for restart bounds */
	uint32_t *culprits;          /* process indexes */
	uint32_t n_culprits;
	uint32_t lead;               /* the culprit thread to explain first, HD_NONE */
	struct hd_thread_verdict *threads;
	struct hd_proc_verdict *procs;
	uint32_t *lost_waiters;      /* per snapshot lost row: tid that waits for it, 0 = nobody */
	struct hd_graph graph;
	struct hd_certificate certificate;
	bool certificate_ok;         /* checked; a verdict whose certificate fails is downgraded to none */
};

/* Everything of the result lives in `arena`.  Never fails; the snapshot must satisfy hd_snapshot_check. */
struct hd_verdict *hd_decide(const struct hd_snapshot *snap, struct hd_arena *arena);
/* No proof, but nothing moved for stall_ns: turns a verdict of none into a stall. */
void hd_verdict_stall(const struct hd_snapshot *snap, struct hd_verdict *v, int64_t stall_ns, struct hd_arena *arena);

/* Is there anything in this (cheap, partly filled) snapshot that could be dead if all that was not looked up yet were
 * closed?  The set of threads whose facts are worth gathering: candidate[t] is set.  Returns how many could be dead; with
 * one or more, threads that poll others with a time limit are set too (they may be starved), but not counted. */
uint32_t hd_candidates(const struct hd_snapshot *snap, uint8_t *candidate);

#endif
