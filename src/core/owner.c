#include "core/owner.h"

const struct hd_fork *hd_proc_fork(const struct hd_proc *pr)
{
	return pr->has_exec ? NULL : pr->fork;
}

int32_t hd_fork_other_pid(const struct hd_fork *fork, uint32_t other)
{
	return fork->others[other].pid != 0 ? fork->others[other].pid : fork->parent_pid;
}

int32_t hd_fork_older_pid(const struct hd_fork *fork)
{
	for (uint32_t i = 0; i < fork->n_others; i++) {
		if (fork->others[i].pid != 0)
			return fork->others[i].pid;
	}
	return 0;
}

bool hd_fork_lost_only_older(const struct hd_fork *fork)
{
	for (uint32_t i = 0; i < fork->n_others; i++) {
		if (fork->others[i].pid == 0)
			return false;
	}
	return fork->n_others != 0 && fork->parent_threads <= 1;
}

bool hd_fork_lost_threads(const struct hd_fork *fork)
{
	return fork != NULL && (fork->parent_threads > 1 || fork->n_others > 0);
}

static bool on_shared_mapping(const struct hd_thread *th)
{
	for (uint32_t i = 0; i < th->n_words; i++) {
		if (th->words[i].mapping != HD_MAPPING_PRIVATE)
			return true;
	}
	return th->n_words == 0;
}

/* The thread of the waiter's memory that bears this number or this thread pointer; HD_NONE. */
static uint32_t living_in_memory(const struct hd_snapshot *snap, const struct hd_keys *same, uint32_t mm, uint64_t pid_ns)
{
	for (uint32_t i = 0; i < same->n && i < HD_SAME_MAX; i++) {
		const struct hd_thread *o = &snap->threads[same->at[i].index];
		const struct hd_proc *op = &snap->procs[o->proc];
		if (op->mm == mm && op->pid_ns == pid_ns && !hd_thread_ended(o))
			return same->at[i].index;
	}
	return HD_NONE;
}

static void owner_is_thread(const struct hd_snapshot *snap, uint32_t t, uint32_t o, struct hd_owner *owner)
{
	owner->state = o == t ? HD_OWNER_SELF : HD_OWNER_THREAD;
	owner->thread = o;
	owner->tid = snap->threads[o].tid;
	owner->pid = snap->procs[snap->threads[o].proc].pid;
	owner->name = snap->threads[o].py_name != NULL ? snap->threads[o].py_name : snap->threads[o].name;
}

static int32_t other_number(const struct hd_fork_other *other)
{
	return other->ns_tid != 0 ? other->ns_tid : other->tid;
}

/* Is the owner somebody of the parent, as the fork record knows them? */
static bool owner_in_fork(const struct hd_fork *fork, const struct hd_lock *lock, struct hd_owner *owner)
{
	int32_t forker = fork->parent_ns_tid != 0 ? fork->parent_ns_tid : fork->parent_tid;
	for (uint32_t i = 0; i < fork->n_others; i++) {
		const struct hd_fork_other *other = &fork->others[i];
		bool same = lock->owner_tid != 0 ? lock->owner_tid == other_number(other)
						 : other->tls != 0 && other->tls == lock->owner_tcb;
		if (!same)
			continue;
		owner->state = HD_OWNER_INHERITED;
		owner->fork_other = i;
		owner->tid = other->tid;
		owner->pid = hd_fork_other_pid(fork, i);
		owner->name = other->name;
		return true;
	}
	if (lock->owner_tid == 0 || lock->owner_tid != forker)
		return false;
	owner->state = HD_OWNER_FORKER;
	owner->tid = fork->parent_tid;
	owner->pid = fork->parent_pid;
	return true;
}

#define FORKS_MAX 64

/* A fork of a fork: the owner may be a thread of an older process, copied twice.  Then its place in that older record is
 * known, not in this process's own. */
static bool owner_in_older_fork(const struct hd_snapshot *snap, const struct hd_proc *pr, const struct hd_lock *lock,
				struct hd_owner *owner)
{
	for (int i = 0; i < FORKS_MAX && !pr->has_exec && pr->parent != HD_NONE; i++) {
		pr = &snap->procs[pr->parent];
		const struct hd_fork *fork = hd_proc_fork(pr);
		if (fork != NULL && owner_in_fork(fork, lock, owner)) {
			owner->fork_other = HD_NONE;
			return true;
		}
	}
	return false;
}

/* The number belongs to nobody in this memory and to no recorded thread of the parent. */
static void owner_is_nobody(const struct hd_snapshot *snap, const struct hd_lookup *lookup, const struct hd_proc *pr,
			    const struct hd_lock *lock, struct hd_owner *owner)
{
	const struct hd_fork *fork = hd_proc_fork(pr);
	owner->state = HD_OWNER_DEAD;
	if (fork != NULL && hd_fork_lost_threads(fork)) {
		owner->state = HD_OWNER_INHERITED;
		owner->pid = fork->parent_pid;
		return;
	}
	struct hd_keys same = hd_keys_find(&lookup->by_ns_tid, (uint32_t)lock->owner_tid);
	for (uint32_t i = 0; i < same.n && i < HD_SAME_MAX && lock->owner_tid != 0 && !pr->has_exec; i++) {
		const struct hd_thread *o = &snap->threads[same.at[i].index];
		if (snap->procs[o->proc].pid != pr->ppid)
			continue;
		owner->state = HD_OWNER_INHERITED;
		owner->tid = o->tid;
		owner->pid = pr->ppid;
		owner->name = o->py_name != NULL ? o->py_name : o->name;
	}
}

/* A lock in private memory: its owner is a thread of this memory, or it was there before the fork, or it has ended.
 * A living thread with the owner's number wins over the fork record: the number may have been used again, but then the
 * living thread may also have taken the lock since, and a waker too many never makes a false proof. */
static void owner_private(const struct hd_snapshot *snap, const struct hd_lookup *lookup, uint32_t t, struct hd_owner *owner)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_proc *pr = &snap->procs[th->proc];
	const struct hd_lock *lock = &th->lock;
	const struct hd_fork *fork = hd_proc_fork(pr);
	struct hd_keys same = lock->owner_tid != 0 ? hd_keys_find(&lookup->by_ns_tid, (uint32_t)lock->owner_tid)
						   : hd_keys_find(&lookup->by_tls, lock->owner_tcb);
	uint32_t o = living_in_memory(snap, &same, pr->mm, pr->pid_ns);
	if (o != HD_NONE) {
		struct hd_owner then = {0};
		owner_is_thread(snap, t, o, owner);
		if (fork != NULL && lock->owner_tid == 0 && owner_in_fork(fork, lock, &then))
			owner->confidence = HD_CONF_LOW; /* a new thread stands where the dead one stood */
		return;
	}
	/* Who was not found may only be called gone if all were seen. */
	if (!lookup->mm_whole[th->proc] || same.n > HD_SAME_MAX || (lock->owner_tid == 0 && !lookup->mm_tls_known[th->proc]))
		return;
	bool is_recorded = (fork != NULL && owner_in_fork(fork, lock, owner)) || owner_in_older_fork(snap, pr, lock, owner);
	owner->is_recorded = is_recorded && owner->state == HD_OWNER_INHERITED;
	if (!is_recorded)
		owner_is_nobody(snap, lookup, pr, lock, owner);
	/* The kernel hands a robust lock on when its holder ends; only what a fork copied is out of its reach. */
	if (owner->state == HD_OWNER_DEAD && lock->is_robust)
		owner->confidence = HD_CONF_LOW;
}

/* A lock that several processes share: its owner is a living thread somewhere, or dead if the system knows no such task. */
static void owner_shared(const struct hd_snapshot *snap, const struct hd_lookup *lookup, uint32_t t, struct hd_owner *owner)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_proc *pr = &snap->procs[th->proc];
	if (th->lock.owner_tid == 0)
		return;
	struct hd_keys same = hd_keys_find(&lookup->by_ns_tid, (uint32_t)th->lock.owner_tid);
	for (uint32_t i = 0; i < same.n && i < HD_SAME_MAX; i++) {
		uint32_t o = same.at[i].index;
		if (snap->procs[snap->threads[o].proc].pid_ns == pr->pid_ns && !hd_thread_ended(&snap->threads[o])) {
			owner_is_thread(snap, t, o, owner);
			return;
		}
	}
	if (same.n > HD_SAME_MAX)
		return;
	if (th->lock.owner_exists == HD_YES)
		owner->state = HD_OWNER_ELSEWHERE;
	if (th->lock.owner_exists == HD_NO)
		owner->state = HD_OWNER_DEAD;
	if (th->lock.is_robust)
		owner->confidence = HD_CONF_LOW;
}

/* No owner is written in the lock, but a living thread of this memory stands inside a block that holds it: one that was seen
 * there, or the one that forked, which the fork copied. */
static void owner_by_place(const struct hd_snapshot *snap, uint32_t t, struct hd_owner *owner)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_proc *pr = &snap->procs[th->proc];
	const struct hd_fork *fork = hd_proc_fork(pr);
	const struct hd_lock *lock = &th->lock;
	bool is_forker = fork != NULL && fork->parent_tid != 0 && lock->held_at_fork == HD_YES &&
			 lock->fork_owner_tid == fork->parent_tid && lock->fork_owner_confidence == HD_CONF_HIGH;
	uint32_t inside = lock->inside_tid != 0 && lock->inside_confidence == HD_CONF_HIGH
				  ? hd_snapshot_thread(snap, lock->inside_tid)
			  : is_forker		? hd_proc_leader(snap, th->proc)
						: HD_NONE;
	if (inside == HD_NONE || snap->threads[inside].proc != th->proc)
		return;
	owner_is_thread(snap, t, inside, owner);
	owner->confidence = HD_CONF_LOW;
	owner->is_seen_inside = true;
}

struct hd_owner hd_owner_find(const struct hd_snapshot *snap, const struct hd_lookup *lookup, uint32_t t)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_lock *lock = &th->lock;
	struct hd_owner owner = {.thread = HD_NONE, .fork_other = HD_NONE, .confidence = lock->confidence};
	if (lock->owner_tid == 0 && lock->owner_tcb == 0 && lock->kind == HD_LOCK_PYTHON)
		owner_by_place(snap, t, &owner);
	if ((lock->owner_tid == 0 && lock->owner_tcb == 0) || !lock->is_held)
		return owner;
	owner.tid = lock->owner_tid;
	if (on_shared_mapping(th))
		owner_shared(snap, lookup, t, &owner);
	else
		owner_private(snap, lookup, t, &owner);
	if (owner.state == HD_OWNER_NONE)
		owner.tid = 0;
	return owner;
}

bool hd_owner_counts(const struct hd_thread *th, const struct hd_owner *owner)
{
	const struct hd_lock *lock = &th->lock;
	if (owner->confidence != HD_CONF_HIGH || !lock->owner_releases || !lock->is_held)
		return false;
	/* A recursive lock lets its owner in again: such a wait was misread. */
	if (owner->state == HD_OWNER_SELF && lock->is_recursive)
		return false;
	return owner->state != HD_OWNER_NONE && owner->state != HD_OWNER_ELSEWHERE;
}

bool hd_owner_explains(const struct hd_thread *th, const struct hd_owner *owner)
{
	return hd_owner_counts(th, owner) || owner->is_seen_inside;
}

static bool is_forker_known(const struct hd_proc *pr)
{
	return pr->fork != NULL && (pr->fork->parent_tid != 0 || pr->fork->parent_ns_tid != 0);
}

/* Every fork that this process's memory is a copy of, back to the exec that made it? */
static bool are_all_forkers_known(const struct hd_snapshot *snap, const struct hd_proc *pr)
{
	for (int i = 0; i < FORKS_MAX && !pr->has_exec; i++) {
		/* Whose parent is another one by now has lost what it came from. */
		if (!is_forker_known(pr) || pr->parent == HD_NONE || snap->procs[pr->parent].pid != pr->fork->parent_pid)
			return false;
		pr = &snap->procs[pr->parent];
	}
	return pr->has_exec;
}

bool hd_owner_may_be_forker(const struct hd_snapshot *snap, const struct hd_proc *pr, const struct hd_owner *owner)
{
	if (owner->state == HD_OWNER_FORKER)
		return true;
	if ((owner->state != HD_OWNER_DEAD && owner->state != HD_OWNER_INHERITED) || pr->has_exec)
		return false;
	return !is_forker_known(pr) || (!owner->is_recorded && !are_all_forkers_known(snap, pr));
}

uint32_t hd_proc_leader(const struct hd_snapshot *snap, uint32_t p)
{
	const struct hd_proc *pr = &snap->procs[p];
	for (uint32_t i = 0; i < pr->n_threads; i++) {
		if (snap->threads[pr->first_thread + i].tid == pr->pid)
			return pr->first_thread + i;
	}
	return HD_NONE;
}
