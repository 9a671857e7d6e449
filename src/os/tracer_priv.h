/* What the files of the tracer share: tracer.c (table, events, drain), launch.c, attach.c, freeze.c, observe.c. */
#ifndef HD_OS_TRACER_PRIV_H
#define HD_OS_TRACER_PRIV_H

#include "hangdog/table.h"
#include "hangdog/tracer.h"
#include "hangdog/vec.h"

/* One traced task.  Invariants: `held` only before its birth was told; a task is in the table from the moment that its
 * birth, first stop or SEIZE was seen until its death was; everything else is in the kernel. */
struct tracee {
	struct hd_row row;  /* by tid */
	int32_t tid;
	int32_t pid;        /* its process, 0 = not known yet */
	uint64_t start;     /* of processes; 0 for other threads */
	uint32_t n_threads; /* leaders: living threads of the process, this one included */
	uint32_t n_stopped; /* leaders: those of them in a group stop */
	bool is_told;       /* its birth is known to who listens */
	bool is_held;       /* stopped, newborn, waits for its parent's event */
	bool is_stopped;    /* group stop, LISTENing */
	bool is_wanted;     /* freeze or detach: keep it when it stops */
	bool is_frozen;     /* kept so */
	bool is_borrowed;   /* seized for one freeze only */
	bool is_ghost;      /* a leader that had left before we attached: not traced, stands for its process */
	int64_t since_ns;   /* when the stop that it is in was reported */
	int32_t frozen_signal; /* group stop in which it froze: LISTEN afterwards; 0 = none */
};

/* Signals that the root got lately, to tell whether a signal that hangdog got reached it as well. */
struct delivery {
	int32_t signal, sender;
	int64_t time_ns; /* CLOCK_MONOTONIC */
};

struct obituary {
	int32_t tid, status;
};

/* --follow observe: one process of the tree. */
struct observed {
	struct hd_row row; /* by pid */
	int32_t pid;
	uint64_t start, start_stack;
	bool is_seen; /* in the scan that runs */
};

enum {
	HD_DELIVERIES = 32,
	HD_OBITUARIES = 256,
};

struct hd_tracer {
	hd_event_fn *fn;
	void *ctx;
	struct hd_forkev *forkev; /* borrowed; NULL = no evidence is taken */
	enum hd_evidence evidence;
	struct hd_table by_tid;
	size_t n_held;
	bool is_killing, is_freezing;
	uintptr_t options; /* of every SEIZE */

	int32_t root;
	int32_t root_status;
	bool root_ended, is_parent; /* is_parent: launched, so job control is ours to mirror */
	bool stop_is_local;         /* the last stop signal of the root came from the terminal, from the tree or through us */
	int32_t root_stop;          /* stop signal that hangdog has still to mirror, 0 = none */
	struct delivery deliveries[HD_DELIVERIES];
	size_t n_deliveries;

	struct obituary obituaries[HD_OBITUARIES]; /* ring: died before anybody told of their birth */
	size_t n_obituaries;
	int64_t longest_ns;

	bool is_observing;
	struct hd_table observed;
	int64_t next_scan_ns, next_strays_ns;
	HD_VEC(int32_t) helpers; /* children of hangdog that are no part of the tree */
};

void hd_tracer_emit(struct hd_tracer *t, struct hd_event *event); /* fills time_ns */
struct tracee *hd_tracer_find(const struct hd_tracer *t, int32_t tid);
struct tracee *hd_tracer_insert(struct hd_tracer *t, int32_t tid, int32_t pid);
void hd_tracer_remove(struct hd_tracer *t, struct tracee *e);
/* Answers one wait status. */
void hd_tracer_handle(struct hd_tracer *t, int32_t tid, int32_t status);
/* waitpid(-1) once: handled one (true), or nothing there (false). */
bool hd_tracer_step(struct hd_tracer *t);
/* Tells of a process that was found, not born before our eyes. */
void hd_tracer_tell_found(struct hd_tracer *t, int32_t pid, int32_t ppid);

/* Clone flags of the call that the task is in (at a birth event), or -errno; CLONE_VM etc. (birth.c). */
HD_MUST_CHECK int64_t hd_birth_flags(int32_t tid);

/* The threads of a process but one, which stands in a stop already (freeze.c). */
void hd_freeze_others(struct hd_tracer *t, int32_t pid, int32_t except, int budget_ms, hd_stopped_fn *fn, void *ctx);

/* observe.c: who came and went, by looking at /proc; at most as often as it is cheap, unless `now`. */
/* Field 52 of stat, the last one: the wait status of a zombie; 0 without permission (fs/proc/array.c, do_task_stat). */
int32_t hd_zombie_status(int32_t pid);
void hd_observe_scan(struct hd_tracer *t, bool now);
bool hd_observe_ended(struct hd_tracer *t, int32_t pid, int32_t status); /* reaped; false: not one of ours */
void hd_observe_add(struct hd_tracer *t, int32_t pid, int32_t ppid);
void hd_observe_adopt(struct hd_tracer *t, int32_t pid); /* part of an attached tree, but it may not be traced */
void hd_observe_strays(struct hd_tracer *t, bool now);   /* untraced children of tracees; about once a second */
void hd_observe_release(struct hd_tracer *t);

/* Stops hangdog itself with `signal` as the terminal would have; returns when continued (jobctl.c). */
void hd_jobctl_stop_self(int32_t signal);
/* AS-safe, in the child before exec: mask and dispositions as hangdog was started with (signals.c). */
void hd_signals_restore(const struct hd_signals *signals);

#endif
