/* The watcher's own state, shared by the files that look (watch.c) and gather (gather.c, ...). */
#ifndef HD_OS_WATCHER_H
#define HD_OS_WATCHER_H

#include "hangdog/gather.h"
#include "os/interp.h"
#include "os/roll.h"
#include "os/sighting.h"

#define HD_SLICE_UNITS UINT64_C(50000) /* of hd_unwinder_limit: half a millisecond or so */

struct hd_watcher {
	struct hd_watch_config config;
	struct hd_arena *arena; /* of the copied command line */
	struct hd_sightings seen;
	struct hd_interps interps;
	struct hd_rolls rolls;
	const char **inherited; /* link texts of our descriptors that stay open in an exec, NULL-terminated */
	int64_t oom_kills;      /* of the machine, when the watch began; -1 = not known */
	uint64_t look;          /* number of looks so far */
	uint32_t threads_before;
	uint64_t cpu_ns;
	/* The last gather and the waits that it was made for: see hd_watcher_look. */
	uint64_t waits_gathered; /* 0 = none */
	int64_t gathered_ns, gather_cost_ns, patience_ns;
	/* Threads that spin: when they were looked at last, and how much CPU time they burnt while they got nowhere. */
	int64_t spins_ns;
	uint64_t spin_cpu_ns;
	/* The last answer of hd_candidates, for the waits that it was asked about. */
	uint64_t waits_asked;
	int64_t asked_ns;
	uint32_t suspects;
};

static inline uint64_t hd_watcher_slice(const struct hd_watcher *w)
{
	return w->config.slice_units != 0 ? w->config.slice_units : HD_SLICE_UNITS;
}

bool hd_watcher_inherited(const struct hd_watcher *w, const char *link);
/* A number for the suspicious waits and the set of still threads: equal as long as neither changed.  0 = no suspicion. */
uint64_t hd_watcher_waits(const struct hd_watcher *w);
/* Rows of the tree's processes and threads as the looks know them: no facts of objects, memory or signals. */
void hd_watcher_sketch(struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot *snap);
/* What a snapshot says besides its rows: when, where, whose, and the children that were lost. */
void hd_watcher_header(const struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot *snap);
/* Fills the command of a snapshot of processes that were attached to; sketch.c. */
void hd_watcher_command(struct hd_snapshot *snap);
/* Arguments, namespace and fork record of a process, read through its thread `via`; facts.c. */
void hd_proc_names(const struct hd_model *model, struct hd_proc *proc, int32_t via, struct hd_arena *arena);
/* Processes of this machine that the kernel ended for want of memory so far, -1 = not known; gather.c. */
int64_t hd_oom_kills(void);
uint64_t hd_pid_namespace(int32_t pid); /* inode, 0 = not known */
/* A gather that began then has ended: when the next one is worth while. */
void hd_watcher_gathered(struct hd_watcher *w, int64_t began_ns);
/* Which table of numbers the call at pc used; *ret_nr: the number if the code holds it, else -1. */
enum hd_abi hd_watcher_abi(int32_t tid, uint64_t pc, int64_t *ret_nr);
/* Takes the system call line of a quiet thread into its row: number, ABI, whether it is worth a suspicion. */
void hd_watcher_settle(struct hd_sighting *t, const struct hd_syscall *line);

#endif
