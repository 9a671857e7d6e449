/* What each thread looked like at the last looks, by tid and start time.  Owned by the watcher, one row a thread.
 *
 * The witness of a look is the run count of schedstat: it grows each time the thread is put on a CPU, so equal counts
 * around a system call line mean that the thread did not run in between (reference, ptrace.md section 2.5).  A kept
 * descriptor of schedstat stays with the task that it was opened for (ESRCH once that is reaped), so a used-again tid
 * cannot pass for the old thread; above a number of descriptors it is opened by name and the start time is compared. */
#ifndef HD_OS_SIGHTING_H
#define HD_OS_SIGHTING_H

#include "hangdog/arena.h"
#include "hangdog/frame.h"
#include "hangdog/spin.h"
#include "hangdog/table.h"
#include "hangdog/wait.h"
#include "parse/proc_task.h"

/* Seen again and again in the same wait, although it ran in between. */
struct hd_repeat {
	struct hd_syscall line;
	int64_t since_ns; /* CLOCK_MONOTONIC of the first sample */
	uint64_t runs;    /* run count then */
	uint32_t samples; /* that agree */
	/* All the samples of a quiet phase: CPU time at the first. */
	int64_t busy_since_ns;
	uint64_t busy_run_ns;
	uint64_t phase;   /* of hd_watcher_sample; another one starts anew */
};

struct hd_sighting {
	struct hd_row row; /* by tid */
	int32_t tid, pid;
	uint64_t start;
	int fd;                 /* kept schedstat, -1 = none */
	uint64_t runs, run_ns;
	uint64_t look;          /* number of the last look that met it */
	uint32_t quiet;         /* looks in a row in which it had not run since the look before */
	int64_t since_ns;       /* CLOCK_MONOTONIC of the first look that saw it in this wait */
	bool has_line;          /* `line` was read while it was quiet and belongs to this wait */
	struct hd_syscall line; /* as the kernel prints it */
	struct hd_syscall origin; /* last line that was not restart_syscall; form RUNNING = none */
	int64_t nr;             /* restart_syscall resolved */
	bool was_restart;
	enum hd_abi abi;
	bool is_suspect;        /* the call has no time limit and waits for somebody */
	struct hd_repeat repeat; /* hd_watcher_sample */
	struct hd_spin spin;     /* hd_watcher_spins */
	uint64_t spin_run_ns;    /* CPU time at the last measurement */
	uint32_t spin_skip, spin_back_off;
	bool gets_nowhere;
	struct hd_arena *stack_arena; /* frames captured in this wait, NULL = none yet */
	struct hd_stack stack;
	bool stack_lacks_names; /* they could not be looked up in the time that there was */
};

struct hd_sightings {
	struct hd_table by_tid;
	uint32_t fds, fds_max;
	bool has_schedstat;     /* this kernel has it; else the switch counters of status serve */
};

void hd_sightings_init(struct hd_sightings *s);
void hd_sightings_release(struct hd_sightings *s);
struct hd_sighting *hd_sightings_find(const struct hd_sightings *s, int32_t tid);
/* Reads the witness of a thread now: its row (a used-again tid starts anew), whether it has not run since the last
 * reading, and for how long it has.  0, or negative errno when the task is gone or cannot be read. */
HD_MUST_CHECK int hd_sightings_meet(struct hd_sightings *s, int32_t pid, int32_t tid, struct hd_sighting **ret, bool *ret_same,
				    uint64_t *ret_ran_ns);
/* Drops all that the look of this number did not meet; returns how many. */
uint32_t hd_sightings_sweep(struct hd_sightings *s, uint64_t look);

/* It ran: what was known of its wait is void. */
void hd_sighting_forget_wait(struct hd_sighting *t, int64_t now_ns);

#endif
