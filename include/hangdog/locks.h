/* From a futex wait to the lock behind it: kind, base address, owner (reference: locks.md sections 2 and 3).
 * Works on glibc 2.27 to 2.43, musl, libstdc++, libgomp, Rust, absl, CPython by call names (frames) and consistency
 * checks of the words in memory; never invents an owner. */
#ifndef HANGDOG_LOCKS_H
#define HANGDOG_LOCKS_H

#include "hangdog/maps.h"
#include "hangdog/mem.h"
#include "hangdog/snapshot.h"

struct hd_lock_query {
	const struct hd_word *word;
	uint32_t op;                   /* the futex op as passed, with flags; 0 when not a plain futex call */
	bool is_pi;
	uint64_t sp;
	const struct hd_stack *stack;  /* native frames with symbol/called_as/module; may be empty */
	const struct hd_maps *maps;
	int32_t tid, ns_tid;           /* the waiter */
};

/* Fills ret (zeroed first).  Texts go to the arena.  Never fails: what is not understood is HD_LOCK_UNKNOWN. */
void hd_lock_classify(struct hd_mem *mem, const struct hd_lock_query *query, struct hd_arena *arena, struct hd_lock *ret);

/* Re-reads the words of a classified lock in another copy of the memory (the newborn child, the parent): is it taken
 * there, and by whom?  HD_UNKNOWN when it cannot be said for this kind. */
enum hd_tri hd_lock_is_held(struct hd_mem *mem, const struct hd_lock *lock, int32_t *ret_owner_tid);

#endif
