/* Registers and stack bytes of every thread of a process, now, for `dump`: captured first, unwound when all have been let
 * go.  A thread that is blocked is read where it stands (/proc/PID/task/TID/syscall gives SP and PC; a stop would make some
 * calls return EINTR: reference ptrace.md section 1.9).  Only a thread that runs is stopped, alone, for the time of one
 * register read and one copy. */
#ifndef HANGDOG_CAPTURE_H
#define HANGDOG_CAPTURE_H

#include "hangdog/snapshot.h"
#include "hangdog/unwind.h"

struct hd_captured {
	int32_t tid;
	/* Out of its stat file; state 0 = it was gone. */
	char name[64], state;
	int32_t ppid;
	uint64_t start;
	enum hd_how how;      /* BLOCKED: read where it stood; STOPPED; UNKNOWN: neither succeeded in time */
	int64_t nr;           /* BLOCKED: the system call, -1 = none */
	uint64_t args[HD_ARGS];
	struct hd_regs regs;
	const uint8_t *bytes; /* from SP on */
	size_t len;
	bool is_old; /* by hd_capture_anew */
};

/* Nobody has read it, or hd_capture_anew asked for it again. */
static inline bool hd_captured_is_missing(const struct hd_captured *t)
{
	return t->how == HD_HOW_UNKNOWN || t->is_old;
}

struct hd_capture; /* owns all it hands out */

/* Of these threads of a process, reads who they are and, if `with_stacks`, where those stand that are blocked (nobody's
 * stack where its memory may not be read): 0 or negative errno (-ESRCH). */
HD_MUST_CHECK int hd_capture_of(int32_t pid, const int32_t *tids, uint32_t n, bool with_stacks, struct hd_capture **ret);
void hd_capture_free(struct hd_capture *capture); /* NULL is fine */
uint32_t hd_capture_missing(const struct hd_capture *capture); /* how many are not read yet */

/* The rest, if this process is not traced yet: each is seized, stopped, read and let go at once; those that do not stop
 * within the budget stay unread.  Nobody stays stopped or traced: all happens in a thread of its own, at whose end the
 * kernel lets go of everybody.  0, or -EPERM when it may not be traced (another debugger, no permission).  The caller must
 * not be in waitpid meanwhile. */
HD_MUST_CHECK int hd_capture_stop(struct hd_capture *capture, int budget_ms);
/* The rest, if this process traces it: pass this and the capture to hd_tracer_freeze. */
void hd_capture_stopped(void *capture, int32_t tid, const struct hd_regs *regs);
/* Everybody counts as missing: the next freeze reads them all, born meanwhile or not, and the mappings, while they stand
 * still together.  Whom it does not reach keeps what was read before. */
void hd_capture_anew(struct hd_capture *capture);
/* Those whom it was not told of, but met in that freeze. */
const struct hd_captured *hd_capture_born(const struct hd_capture *capture, uint32_t *ret_n);

const struct hd_captured *hd_capture_find(const struct hd_capture *capture, int32_t tid); /* NULL = not of it */
const struct hd_maps *hd_capture_maps(const struct hd_capture *capture); /* as they were when it began; empty = not read */
int64_t hd_capture_longest_stop_us(const struct hd_capture *capture); /* of one thread, upper bound; 0 = nobody was stopped */
/* Its stack, out of the captured bytes and, above those, query->mem.  query->regs is not looked at. */
void hd_capture_unwind(const struct hd_captured *thread, struct hd_unwinder *unwinder, const struct hd_unwind_query *query,
		       struct hd_arena *arena, struct hd_stack *ret);

#endif
