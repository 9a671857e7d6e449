/* Who owns the lock that a thread waits for, and may that be believed (reference: locks.md sections 4.2, 5 and 6)?
 * Owner words survive a fork unchanged: they hold the parent's numbers.  When in doubt there is no owner. */
#ifndef HANGDOG_CORE_OWNER_H
#define HANGDOG_CORE_OWNER_H

#include "core/lookup.h"
#include "hangdog/verdict.h"

/* Never fails; texts are borrowed from the snapshot. */
struct hd_owner hd_owner_find(const struct hd_snapshot *snap, const struct hd_lookup *lookup, uint32_t t);
/* May the owner stand in place of the wakers: only an owner releases this lock, and who it is has been checked? */
bool hd_owner_counts(const struct hd_thread *th, const struct hd_owner *owner);

/* Is the owner the one that people should be told of?  Less is asked: nothing is decided by it. */
bool hd_owner_explains(const struct hd_thread *th, const struct hd_owner *owner);

/* Nothing tells who forked this process, or one that it is a copy of, so a number that it does not know may be the forking
 * thread's own from before: that thread lives on as the first thread of this process and can release what it took. */
bool hd_owner_may_be_forker(const struct hd_snapshot *snap, const struct hd_proc *pr, const struct hd_owner *owner);
/* The first thread of a process, the one with its number; HD_NONE when it was not seen. */
uint32_t hd_proc_leader(const struct hd_snapshot *snap, uint32_t p);

/* A fork record that still says something about this process's memory: NULL after exec. */
const struct hd_fork *hd_proc_fork(const struct hd_proc *pr);
/* Of whose threads it was one: the parent, or an older process. */
int32_t hd_fork_other_pid(const struct hd_fork *fork, uint32_t other);
/* The older process whose threads are missing, too; 0 = none. */
int32_t hd_fork_older_pid(const struct hd_fork *fork);
/* As far as is known, the parent itself had no other thread. */
bool hd_fork_lost_only_older(const struct hd_fork *fork);
/* Had the parent other threads when it forked this process? */
bool hd_fork_lost_threads(const struct hd_fork *fork);

#endif
