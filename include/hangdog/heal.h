/* Healing (--on-hang heal): an orphaned lock is freed in the stuck process as the process itself could have done in a
 * child handler of pthread_atfork, so that its waiter goes on.  Destructive: what the lock guards may be half changed.
 *
 * core/heal.c plans (pure: verdict and memory in, bytes to write out, or the reason why not); os/heal.c performs.
 * Recipes: reference locks.md section 8 (tried on glibc 2.27 to 2.43), cpython.md sections 7.2 and 9; what each rests on
 * stands beside it in core/heal.c.  docs/guide/heal.md tells users what is freed, what is not, and the dangers. */
#ifndef HANGDOG_HEAL_H
#define HANGDOG_HEAL_H

#include "hangdog/err.h"
#include "hangdog/mem.h"
#include "hangdog/verdict.h"

struct hd_tracer;

#define HD_HEAL_WRITES_MAX 6
struct hd_heal_write {
	uint64_t addr;     /* aligned to len */
	uint8_t len;       /* 1, 4 or 8 */
	uint64_t expected; /* what is there now, little endian */
	uint64_t value;
};

/* One lock to free.  The writes are made in this order: the last one frees it, so whoever looks sees it held until then. */
struct hd_heal {
	int32_t pid, tid;    /* the waiter that is to go on first; the others follow when it releases the lock */
	uint64_t start;      /* of the thread, clock ticks */
	int64_t nr;          /* the call that it waits in, and where: a thread that is elsewhere is left alone */
	uint64_t word, sp;
	uint64_t lock;       /* address of the lock: one is freed once only */
	bool breaks_call;    /* the waiter sleeps on a word of its own: its call has to fail with EINTR to look again */
	struct hd_heal_write writes[HD_HEAL_WRITES_MAX];
	unsigned n_writes;
	const char *what;    /* "registry_lock (in a.out), a mutex, in process 12" */
	const char *danger;  /* who was in the middle of something with it, one sentence */
};

/* The waiters to free, one a lock; indexes of threads in *ret, in the arena.  0: nobody waits for an orphaned lock;
 * *ret_refusal tells what the hang is instead, or which stuck process would stay stuck.  NULL if all of them can go on. */
uint32_t hd_heal_targets(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena, uint32_t **ret,
			 const char **ret_refusal);
/* How to free what thread t waits for, from the live words of its process.  NULL: *ret is filled; else why it is refused. */
HD_MUST_CHECK const char *hd_heal_plan(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t, struct hd_mem *mem,
				       struct hd_arena *arena, struct hd_heal *ret);

/* Stops the waiter, checks that it still waits there and that every word is as planned, writes, lets it go, and watches
 * until it has gone on.  If it does not, what was written is taken back.  Calls pump(ctx) meanwhile (the freed program may
 * fork or end at once), which must lead to hd_tracer_drain.  At most HD_HEAL_WATCH_MS and a stop of HD_HEAL_STOP_MS.
 * 0: it went on, after *ret_us; -ECANCELED: it or a word had changed, nothing was written; -ETIMEDOUT: it did not go on,
 * undone; -ENOTRECOVERABLE: nor could it be undone; or the errno of the stop or the write. */
#define HD_HEAL_STOP_MS 500
#define HD_HEAL_WATCH_MS 2000
HD_MUST_CHECK int hd_heal_perform(struct hd_tracer *tracer, const struct hd_heal *heal, void (*pump)(void *ctx), void *ctx,
				  int64_t *ret_us, struct hd_err *err);

#endif
