#include "core/cause.h"

#include <string.h>

/* What an ownerless wait of a forked process means, when the parent had more threads than the fork copied. */
enum meaning {
	MEANS_NEITHER = 0,
	MEANS_LOCK,     /* taken and released: somebody held it at the fork */
	MEANS_WAKE_UP,  /* waits for what another thread does: that thread is missing */
	MEANS_EVIDENCE, /* may be either: a lock only if it was seen taken at the fork */
};

static const enum meaning meaning_of[HD_LOCK_COUNT] = {
	[HD_LOCK_UNKNOWN] = MEANS_EVIDENCE,   [HD_LOCK_MUTEX] = MEANS_LOCK,	    [HD_LOCK_RWLOCK_READ] = MEANS_LOCK,
	[HD_LOCK_RWLOCK_WRITE] = MEANS_LOCK,  [HD_LOCK_SEMAPHORE] = MEANS_EVIDENCE, [HD_LOCK_CONDITION] = MEANS_WAKE_UP,
	[HD_LOCK_COND_DESTROY] = MEANS_WAKE_UP, [HD_LOCK_BARRIER] = MEANS_WAKE_UP,  [HD_LOCK_JOIN] = MEANS_WAKE_UP,
	[HD_LOCK_ONCE] = MEANS_LOCK,	      [HD_LOCK_CXX_GUARD] = MEANS_LOCK,	    [HD_LOCK_FUTURE] = MEANS_WAKE_UP,
	[HD_LOCK_LIBC] = MEANS_LOCK,	      [HD_LOCK_STDIO] = MEANS_LOCK,	    [HD_LOCK_MALLOC] = MEANS_LOCK,
	[HD_LOCK_LOADER] = MEANS_LOCK,	      [HD_LOCK_PYTHON] = MEANS_LOCK,	    [HD_LOCK_GIL] = MEANS_LOCK,
	[HD_LOCK_TEAM] = MEANS_WAKE_UP,	      [HD_LOCK_PARKER] = MEANS_WAKE_UP,	    [HD_LOCK_RUST] = MEANS_LOCK,
};

static bool ends_with(const char *text, const char *end)
{
	size_t a = text != NULL ? strlen(text) : 0, b = strlen(end);
	return a >= b && strcmp(text + a - b, end) == 0;
}

/* Python builds conditions, events, queues and joins out of plain locks: then the innermost Python frame is one of the
 * library's own waiting functions (Lib/threading.py), and what is missing is the thread that would notify. */
static bool is_python_wait(const struct hd_stack *stack)
{
	static const char *const functions[] = {"wait", "_wait_for_tstate_lock", "join", "_join"};
	for (uint32_t i = 0; i < stack->n; i++) {
		const struct hd_frame *f = &stack->at[i];
		if (f->kind != HD_FRAME_PYTHON)
			continue;
		if (!ends_with(f->file, "threading.py") || f->function == NULL)
			return false;
		for (size_t k = 0; k < HD_COUNTOF(functions); k++) {
			if (ends_with(f->function, functions[k]))
				return true;
		}
		return false;
	}
	return false;
}

static enum hd_cause cause_ownerless(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	const struct hd_thread *th = &snap->threads[t];
	if (th->lock.is_held && th->lock.held_by_living == HD_NO)
		return HD_CAUSE_DEAD_HOLDER;
	if (v->threads[t].wait.kind != HD_WAIT_FUTEX || !hd_fork_lost_threads(hd_proc_fork(&snap->procs[th->proc])))
		return HD_CAUSE_NONE;
	enum meaning meaning = meaning_of[th->lock.kind];
	if (meaning == MEANS_LOCK && is_python_wait(&th->stack))
		meaning = MEANS_WAKE_UP;
	if (meaning == MEANS_EVIDENCE)
		meaning = th->lock.held_at_fork == HD_YES ? MEANS_LOCK : MEANS_WAKE_UP;
	if (meaning == MEANS_WAKE_UP)
		return HD_CAUSE_MISSING_THREAD;
	return meaning == MEANS_LOCK && th->lock.held_at_fork != HD_NO ? HD_CAUSE_INHERITED_LOCK : HD_CAUSE_NONE;
}

enum hd_cause hd_cause_of_thread(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_owner *owner = &v->threads[t].owner;
	bool is_join = th->lock.kind == HD_LOCK_JOIN;
	if (!hd_owner_explains(th, owner))
		return cause_ownerless(snap, v, t);
	switch (owner->state) {
	case HD_OWNER_INHERITED:
		return is_join ? HD_CAUSE_MISSING_THREAD : HD_CAUSE_INHERITED_LOCK;
	case HD_OWNER_FORKER:
		return HD_CAUSE_INHERITED_LOCK;
	case HD_OWNER_DEAD:
		return is_join ? cause_ownerless(snap, v, t) : HD_CAUSE_DEAD_HOLDER;
	case HD_OWNER_SELF:
		return HD_CAUSE_SELF_LOCK;
	default:
		return HD_CAUSE_NONE; /* a living owner: the cycle tells */
	}
}

unsigned hd_cause_rank(enum hd_cause cause)
{
	static const enum hd_cause order[] = {HD_CAUSE_INHERITED_LOCK, HD_CAUSE_DEAD_HOLDER,   HD_CAUSE_LOCK_CYCLE, HD_CAUSE_SELF_LOCK,
					      HD_CAUSE_MISSING_THREAD, HD_CAUSE_WAIT_CYCLE, HD_CAUSE_NO_WAKER};
	unsigned i = 0;
	while (i < HD_COUNTOF(order) && order[i] != cause)
		i++;
	return i;
}
