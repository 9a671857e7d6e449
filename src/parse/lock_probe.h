/* What every lock reader needs: the query, the names, the result under construction, and the checks of locks.md 3.3.
 * A reader fills `lock` for its layout and reports what does not fit through hd_probe_fail: the first failure is kept,
 * and a lock with a failure is never HD_CONF_HIGH. */
#ifndef HANGDOG_PARSE_LOCK_PROBE_H
#define HANGDOG_PARSE_LOCK_PROBE_H

#include "hangdog/locks.h"
#include "parse/lock_names.h"

/* Offsets in glibc's struct pthread, nptl/descr.h, x86-64, 2.27 to 2.43 (checked against _thread_db_pthread_tid). */
#define HD_TCB_SELF_A 0x00u
#define HD_TCB_SELF_B 0x10u
#define HD_TCB_TID 0x2d0u
#define HD_TCB_JOINSTATE 0x628u /* 2.43 */

#define HD_TID_MAX 4194304 /* PID_MAX_LIMIT, kernel include/linux/threads.h */

/* Kernel include/uapi/linux/futex.h */
#define HD_FUTEX_WAIT 0u
#define HD_FUTEX_LOCK_PI 6u
#define HD_FUTEX_WAIT_BITSET 9u
#define HD_FUTEX_WAIT_REQUEUE_PI 11u
#define HD_FUTEX_LOCK_PI2 13u
#define HD_FUTEX_TID_MASK 0x3fffffffu

struct hd_probe {
	struct hd_mem *mem;
	const struct hd_lock_query *query;
	const struct hd_lock_calls *calls;
	struct hd_lock *lock; /* being filled */
	uint64_t uaddr;
	uint32_t cmd, val; /* futex command without flags; value the waiter passed */
	uint32_t word;     /* now in memory */
	bool word_known, op_private;
};

/* Static text.  Keeps the first. */
void hd_probe_fail(struct hd_probe *p, const char *why);
static inline void hd_probe_check(struct hd_probe *p, bool ok, const char *why)
{
	if (!ok)
		hd_probe_fail(p, why);
}

/* The word still holds what the waiter passed (not for PI, whose value is ignored). */
void hd_probe_check_word(struct hd_probe *p);
/* [base, base + size) is aligned and in one writable mapping, shared if the call says so. */
void hd_probe_check_place(struct hd_probe *p, uint64_t base, uint64_t size, unsigned align);
/* Private flag of the call agrees with what the object says about itself. */
void hd_probe_check_shared(struct hd_probe *p, bool object_is_shared);

static inline bool hd_tid_ok(uint32_t tid)
{
	return tid > 0 && tid <= HD_TID_MAX;
}

/* A thread control block points to itself twice: the best structural check there is. */
bool hd_tcb_is_self(struct hd_mem *mem, uint64_t addr);
/* tid of a TCB; 0 when unreadable, or dead in a forked child (glibc clears it). */
int32_t hd_tcb_tid(struct hd_mem *mem, uint64_t tcb);

/* Stack words of the waiter, from its stack pointer upwards, as many as could be read (at most `words`). */
#define HD_SCAN_WORDS_MAX 1024u
uint32_t hd_probe_stack(struct hd_probe *p, uint32_t words, uint64_t ret[HD_SCAN_WORDS_MAX]);
/* Is `value` among the first `bytes` of the waiter's stack? */
bool hd_probe_stack_has(struct hd_probe *p, uint64_t value, uint32_t bytes);
/* In the waiter's stack frames of the runtime itself: a node of the waiter, never an object of the program. */
bool hd_probe_is_runtime_stack(const struct hd_probe *p, uint64_t addr);

#endif
