/* Looking at a tree without stopping anybody (reference: ptrace.md sections 2.5 and 3.6).
 *
 * A look is cheap: per thread the scheduling counter, and only where that stood still the rest.  When the last looks
 * agree that some threads are still and could be dead, hd_gather fills a whole snapshot: the wake sets, between two
 * passes over the witnesses, and a last pass that confirms that nothing moved.  What moved is live in the snapshot. */
#ifndef HANGDOG_GATHER_H
#define HANGDOG_GATHER_H

#include "hangdog/err.h"
#include "hangdog/model.h"
#include "hangdog/snapshot.h"
#include "hangdog/unwind.h"

struct hd_watcher; /* remembers what each thread looked like last time; one per supervisor */

struct hd_capture; /* hangdog/capture.h */

struct hd_watch_config {
	int32_t root;
	const char *const *command;
	struct hd_unwinder *unwinder; /* borrowed: names for the lock classifier, stacks */
	bool is_tracer;               /* our own ptrace does not count as a foreign tracer */
	/* We started the root ourselves: it inherited what we hold at hd_watcher_new (descriptors that stay open in an exec)
	 * and nothing else.  So a descriptor that is not among these was made in the tree, and processes outside that cannot
	 * be looked into (of other users) have it only if somebody passed it to them: census.c. */
	bool is_launched;
	bool only_lists; /* hd_watcher_list is all that will be asked: no look, no gather */
	uint64_t slice_units; /* how much is indexed at a time (hd_unwinder_limit); 0 = about a millisecond's worth */
};

struct hd_watcher *hd_watcher_new(const struct hd_watch_config *config);
void hd_watcher_free(struct hd_watcher *w);

/* One look over these processes.  ret_still: how many threads have not moved since the look before; ret_suspects: how
 * many of them are in an unbounded wait that might be dead (a gather is worth while). */
struct hd_look {
	uint32_t threads, still, suspects;
	bool anything_moved;  /* for --stall */
	uint64_t cpu_ns;      /* CPU time of the tree so far, for --progress cpu */
};
HD_MUST_CHECK int hd_watcher_look(struct hd_watcher *w, const struct hd_model *model, struct hd_look *ret);

/* Nothing moves: notes where those are that run now and then.  A thread that is met in one and the same wait each time
 * has its fields repeats and repeat_ns set in the next snapshot; all have busy_ns.  `phase`: another number for each quiet
 * phase, not 0. */
void hd_watcher_sample(struct hd_watcher *w, uint64_t phase);

/* Nothing but CPU time has moved for silent_ns: who burns it in a loop that gets nowhere (spin.h)?  Gives how much CPU time
 * such threads have burnt so far, which is no progress.  `tracer` NULL: nobody may be stopped, and all is progress. */
struct hd_tracer;
uint64_t hd_watcher_spins(struct hd_watcher *w, struct hd_tracer *tracer, int64_t silent_ns, int64_t patience_ns);

/* A full snapshot of now.  Never stops anybody.  Heap; free with hd_snapshot_free. */
HD_MUST_CHECK int hd_watcher_gather(struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot **ret, struct hd_err *err);

/* The same for who must not keep the program's events waiting: -EAGAIN when the symbols of a library are not indexed yet and
 * that took about a millisecond.  Nothing of this one is kept.  Serve the events, call hd_watcher_prepare_gather, which goes
 * on where it was, until that gives true, then gather again. */
HD_MUST_CHECK int hd_watcher_gather_slice(struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot **ret,
					  struct hd_err *err);

bool hd_watcher_prepare_gather(struct hd_watcher *w, const struct hd_model *model);

/* A slice for somebody who only asks: what hd_watcher_look thinks worth while stays as it was. */
HD_MUST_CHECK int hd_watcher_peek(struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot **ret, struct hd_err *err);

/* Only who is there, now: processes, threads, their names and state letters.  Nobody counts as still, so nothing is proven
 * of it; for a dump, which shows stacks and decides nothing.  A third of the cost per thread.  Heap, as above.
 * ret_captures (NULL = not wanted): what hd_capture_of read of each process at the same time, NULL where it could not: each
 * to be freed, the array is the snapshot's. */
HD_MUST_CHECK int hd_watcher_list(struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot **ret,
				  struct hd_capture ***ret_captures, struct hd_err *err);

/* Once the rest was captured: takes out of such a snapshot (and of captures, which may be NULL) who has ended meanwhile, and
 * takes in whom hd_capture_stopped found besides.  True if anything changed: what counts its threads is out of date. */
bool hd_snapshot_settle(struct hd_snapshot *snap, struct hd_capture **captures);

/* Brings what changes by itself in a snapshot of this watcher (CPU times, how long a wait has lasted) up to its newest look.
 * True if nobody came, went, or began or ceased to stand still since: then the rest of it still holds, too. */
bool hd_watcher_renew(const struct hd_watcher *w, struct hd_snapshot *snap);

/* Fills stacks (native + Python, merged) of the threads marked in want[n_threads] (NULL = all), and of the fork records
 * of their processes, from /proc and memory alone where the thread is blocked (no stop).  A thread that runs has only
 * its Python frames, unless its registers are given; then it must stand still (stopped) while this runs. */
struct hd_capture;
struct hd_stack_options {
	bool native, python, lines, locals;
	bool async; /* asyncio tasks as well */
	bool deep; /* for dump: all of endless recursion; else the innermost frames, as many as one reads */
	bool consistent; /* for dump: all threads of a process stand still while they are read */
	bool skip_forks; /* nobody will see the fork records: they stay as they are, and none is dug out of memory */
	struct hd_capture *const *captures; /* [n_procs], for dump: threads as captured; NULL (or a NULL row) = none */
};
void hd_watcher_stacks(struct hd_watcher *w, struct hd_snapshot *snap, const uint8_t *want, const struct hd_stack_options *options);
/* Indexes, for about a millisecond, what hd_watcher_stacks will look names up in.  True: there is nothing left to do; false:
 * serve the program's events and call again. */
bool hd_watcher_prepare(struct hd_watcher *w, struct hd_snapshot *snap, const uint8_t *want, const struct hd_stack_options *options);

#endif
