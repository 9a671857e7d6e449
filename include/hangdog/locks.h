/* From a futex wait to the lock behind it: kind, base address, owner (reference: locks.md sections 2 and 3).
 * Works on glibc 2.27 to 2.43, musl, libstdc++, libgomp, Rust, absl, CPython by call names (frames) and consistency
 * checks of the words in memory; never invents an owner. */
#ifndef HANGDOG_LOCKS_H
#define HANGDOG_LOCKS_H

#include "hangdog/maps.h"
#include "hangdog/mem.h"
#include "hangdog/snapshot.h"

/* How the words of a classified lock lie at its base (struct hd_lock, field `layout`): what hd_lock_is_held reads. */
enum hd_lock_layout {
	HD_LAYOUT_NONE = 0,     /* cannot be re-read: condition variables, barriers, joins, anything not understood */
	HD_LAYOUT_GLIBC_MUTEX,  /* also the loader's locks and jemalloc's */
	HD_LAYOUT_GLIBC_RWLOCK,
	HD_LAYOUT_GLIBC_SEM,    /* also Python's locks up to 3.13.0 */
	HD_LAYOUT_GLIBC_STDIO,  /* {word, count, TCB of the owner} */
	HD_LAYOUT_ONCE,         /* low two bits 1 = running */
	HD_LAYOUT_WORD,         /* any 32-bit word, not 0 = taken: libc internal, Rust Mutex, libgomp, SpinLock */
	HD_LAYOUT_BYTE,         /* one byte, bit 0 = taken: PyMutex, oneTBB */
	HD_LAYOUT_PI_WORD,      /* the kernel's PI futex: tid and flags */
	HD_LAYOUT_CXX_GUARD,
	HD_LAYOUT_MUSL_MUTEX,
	HD_LAYOUT_MUSL_RWLOCK,
	HD_LAYOUT_MUSL_SEM,
	HD_LAYOUT_MUSL_STDIO,
	HD_LAYOUT_RUST_RWLOCK,
	HD_LAYOUT_RUST_ONCE,
	HD_LAYOUT_ABSL_MUTEX,
	HD_LAYOUT_COUNT
};

struct hd_lock_query {
	const struct hd_word *word;
	uint32_t op;                   /* the futex op as passed, with flags; 0 when not a plain futex call */
	bool is_pi;
	uint64_t sp;
	const struct hd_stack *stack;  /* native frames with symbol/called_as/module; may be empty */
	const struct hd_maps *maps;
	int32_t tid, ns_tid;           /* the waiter */
	enum hd_abi abi;               /* layouts are x86-64's; HD_ABI_UNKNOWN is taken for it, others are not classified */
};

/* Fills ret (zeroed first).  Texts go to the arena.  Never fails: what is not understood is HD_LOCK_UNKNOWN. */
void hd_lock_classify(struct hd_mem *mem, const struct hd_lock_query *query, struct hd_arena *arena, struct hd_lock *ret);

/* Re-reads the words of a classified lock in another copy of the memory (the newborn child, the parent): is it taken
 * there, and by whom?  HD_UNKNOWN when it cannot be said for this kind. */
enum hd_tri hd_lock_is_held(struct hd_mem *mem, const struct hd_lock *lock, int32_t *ret_owner_tid);

/* multiprocessing's locks (Modules/_multiprocessing/multiprocessing.h, SemLockObject, 3.8 to 3.13 default builds): how often
 * this process holds the lock `object`, whose semaphore is at `sem`.  0 or -ENOENT if no such lock (one that only a
 * single holder can have) is there. */
HD_MUST_CHECK int hd_semlock_count(struct hd_mem *mem, uint64_t object, uint64_t sem, int32_t *ret_count);

#endif
