/* What a lock is called and where it lies, for people.  Decides nothing.
 *
 * In two steps: hd_lock_name while facts are gathered, before the verdict, from the symbol tables alone; hd_lock_place when
 * stacks have been read, for members of variables, thread-local variables and locks on a stack, which take more. */
#ifndef HD_OS_LOCK_PLACE_H
#define HD_OS_LOCK_PLACE_H

#include "hangdog/snapshot.h"
#include "hangdog/unwind.h"

struct hd_tls;
struct hd_tcbs;

/* Everything is borrowed.  One for all locks of a process: what took work to find out is kept in it. */
struct hd_lock_places {
	struct hd_unwinder *unwinder;
	const struct hd_unwind_query *query; /* whose registers are not looked at */
	const struct hd_snapshot *snap;
	const struct hd_proc *proc;
	struct hd_arena *arena;   /* for texts */
	struct hd_arena *scratch; /* as long as this lives */
	const struct hd_tcbs *tcbs; /* NULL = not looked for yet */
	const struct hd_tls *tls;
	struct hd_lock last, last_placed;
	uint32_t n_placed;
};

/* Fills name (of a lock that has none) from the symbol at its address; else, roughly, variable_address_note. */
void hd_lock_name(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, struct hd_arena *arena, struct hd_lock *lock);
/* The fork record of the process and the words of its threads must be filled. */
void hd_lock_place(struct hd_lock_places *places, struct hd_lock *lock);

#endif
