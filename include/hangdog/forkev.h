/* Evidence taken at a fork: child and forking thread stand in their ptrace stops, the other threads run on.
 * Kept small; the native stacks are unwound only if the child later hangs (proof.md section 5).
 *
 * Three calls, so that nobody is held for what can wait: hd_forkev_collect while the forking thread stands in its event
 * stop (its registers, and which threads there are), then let it go; hd_forkev_birth while the child, which has not run
 * yet, holds all else as it was at the fork, then let that go; hd_forkev_names when nobody waits. */
#ifndef HANGDOG_FORKEV_H
#define HANGDOG_FORKEV_H

#include "hangdog/event.h"
#include "hangdog/unwind.h"

enum hd_evidence { HD_EVIDENCE_OFF = 0, HD_EVIDENCE_LIGHT, HD_EVIDENCE_FULL };

/* What a fork record holds beyond hd_fork, until it is resolved.  Lives in the record's arena. */
struct hd_fork_raw {
	/* Locks that earlier forks of this tree were seen to hang on, as they were in the newborn: hd_forkev_watch. */
	struct hd_fork_word {
		uint64_t addr;        /* of the word waited on */
		enum hd_tri held;     /* HD_UNKNOWN: could not be read */
		int32_t owner_tid;    /* 0 = the lock names none */
	} *words;
	uint32_t n_words;
	struct hd_regs regs;      /* of the forking thread */
	uint64_t tls;             /* its thread pointer */
	uint64_t stack_addr;      /* copy of its stack from SP up */
	const uint8_t *stack;
	size_t stack_len;
	struct hd_stack python;   /* its Python frames; n 0 = none read */
	struct hd_fork_raw_other {
		struct hd_regs regs;  /* sp 0 = not known */
		struct hd_stack python;
	} *others;                /* as many as hd_fork.others, same order */
};

struct hd_forkev; /* remembers the interpreters found in processes, from one fork to the next */

struct hd_forkev *hd_forkev_new(void);
void hd_forkev_free(struct hd_forkev *ctx);
/* From now on each record also says which Python locks the other threads held (for --audit; costs some reads a fork). */
void hd_forkev_want_holds(struct hd_forkev *ctx);
/* A forked process hangs on this lock without an owner, waiting on `word`: from now on each fork is asked whether it was
 * taken already at its birth (proof.md section 5). */
void hd_forkev_watch(struct hd_forkev *ctx, const struct hd_lock *lock, const struct hd_word *word);
/* The process has exec'd or ended. */
void hd_forkev_drop(struct hd_forkev *ctx, int32_t pid);

/* parent_tid is in its event stop and this thread is its tracer.  Gives NULL when there is nothing to keep (level off, or
 * the parent is gone).  The record lives in *ret_arena (the caller's from then on). */
struct hd_fork *hd_forkev_collect(struct hd_forkev *ctx, enum hd_evidence level, int32_t parent_pid, int32_t parent_tid,
				  struct hd_arena **ret_arena);
/* The child has not run yet: what its memory tells of the parent's other threads (thread control blocks, Python stacks),
 * and where those of them stand that are blocked and have not moved since the fork.  Does next to nothing when the parent
 * had only one thread. */
void hd_forkev_birth(struct hd_forkev *ctx, enum hd_evidence level, struct hd_fork *fork, struct hd_arena *arena, int32_t child);
/* The names of those that Python has no name for. */
void hd_forkev_names(struct hd_fork *fork, struct hd_arena *arena);
/* Level full: the registers of another thread of the parent, stopped right after the fork (is_approximate: it had been
 * running, so its innermost frames may be younger than the fork).  Before or after hd_forkev_birth. */
void hd_forkev_add_regs(struct hd_fork *fork, int32_t tid, const struct hd_regs *regs, bool is_approximate);

/* Later: native stacks of the forking thread and of the dead threads, from the record and the child's memory, merged
 * with the Python stacks that were read at the birth.  Texts go to `arena`; the result is a copy, the record stays. */
struct hd_fork *hd_forkev_resolve(const struct hd_fork *fork, struct hd_unwinder *unwinder, const struct hd_unwind_query *child,
				  struct hd_arena *arena);
/* The fork was not seen: rebuild what the child's memory still tells, and the parent's where that still has the threads
 * (their tids and names).  child->regs.sp: of the child's main thread.  NULL = nothing found. */
struct hd_fork *hd_forkev_dig(struct hd_unwinder *unwinder, const struct hd_unwind_query *child, struct hd_arena *arena);

#endif
