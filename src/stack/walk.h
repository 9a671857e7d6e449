/* One walk over one stack: register states with a "known" bit each, stepped by call frame information.  Knows nothing of
 * names.  Only SP and PC known is the normal case: a blocked thread's /proc/PID/task/TID/syscall gives no more. */
#ifndef STACK_WALK_H
#define STACK_WALK_H

#include "stack/callsite.h"
#include "stack/cfi.h"
#include "stack/memo.h"
#include "stack/modules.h"

#define HD_WALK_FRAMES_MAX HD_UNWIND_FRAMES_MAX

/* Does the call before the return address call the function that the callee's pc lies in? */
enum hd_link { HD_LINK_UNKNOWN = 0, HD_LINK_MATCH, HD_LINK_MISMATCH, HD_LINK_NO_CALL };

struct hd_walk_frame {
	uint64_t pc, cfa;   /* cfa 0: the walk could not leave this frame */
	uint64_t look;      /* the address to look things up by: pc, or pc-1 after a call */
	uint64_t fn_start, fn_end; /* in the process, from the unwind tables; 0 = not known */
	struct hd_module module;   /* image NULL = none */
	struct hd_callsite call;   /* that returns here; NONE for the innermost frame and after a signal */
	enum hd_link link;         /* between the next inner frame and this one */
	bool is_guess, is_signal;
};

struct hd_window; /* reads of the stack go through a few cached pages */

struct hd_walk {
	struct hd_modules *modules;
	struct hd_memo *memo;
	const struct hd_unwind_query *query;
	struct hd_mem *mem; /* the window */
	struct hd_registers regs;
	struct hd_walk_frame *frames;
	uint32_t n, max;
	bool is_complete, is_partial;
	bool starts_after_call; /* the first pc is a return address, not where a thread stands */
	bool next_is_guess; /* the way out of the newest frame was guessed */
};

struct hd_window *hd_window_new(void);
void hd_window_free(struct hd_window *window);
/* Forgets what was read and reads query->mem, and the captured bytes over it, from now on. */
struct hd_mem *hd_window_over(struct hd_window *window, const struct hd_unwind_query *query);

/* Walks from walk->regs (set by the caller) until the thread's start, a bound, or where no way leads further. */
void hd_walk_run(struct hd_walk *walk);

/* ---- between walk.c and recover.c ---- */
/* The call that returns to addr, and the module it is in (image NULL = none). */
struct hd_callsite hd_walk_callsite(struct hd_walk *walk, uint64_t addr, struct hd_module *ret_module);
enum hd_link hd_walk_link(struct hd_walk *walk, const struct hd_walk_frame *callee, const struct hd_module *caller,
			  const struct hd_callsite *call);
HD_MUST_CHECK bool hd_walk_cfa(struct hd_walk *walk, const struct hd_module *module, const struct hd_cfi_row *row,
			       const struct hd_registers *regs, uint64_t *ret);
bool hd_walk_is_code(const struct hd_walk *walk, uint64_t addr);
uint64_t hd_walk_limit(const struct hd_walk *walk, uint64_t span);
/* rbp of a frame whose CFA depends on it, when it is not known.  False: not found. */
HD_MUST_CHECK bool hd_recover_fp(struct hd_walk *walk, const struct hd_walk_frame *frame, const struct hd_cfi_row *row,
				 uint64_t *ret_fp, bool *ret_guess);
/* A caller without unwind tables: by frame pointer, else by scanning for a return address.  Changes walk->regs. */
HD_MUST_CHECK bool hd_recover_caller(struct hd_walk *walk, const struct hd_walk_frame *frame, uint64_t *ret_cfa);

#endif
