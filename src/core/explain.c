#include "core/explain.h"

#include "core/holder.h"
#include "hangdog/itimers.h"

#define SIGNALS_LIBC (UINT64_C(3) << 31) /* 32 and 33: the C library's own */
#define WAIT_STOPPED 2u			 /* WUNTRACED, WSTOPPED */
#define STARVED_PASSES 4

static bool is_dead(const struct hd_verdict *v, uint32_t t)
{
	return v->threads[t].certainty >= HD_CERT_OWNED;
}

static bool is_stuck(const struct hd_verdict *v, uint32_t t)
{
	return is_dead(v, t) || v->threads[t].is_starved;
}

/* ---- starved pollers ------------------------------------------------------------------------------------------------ */

/* Only its own time limit keeps it going, and everyone it looks at can never go on. */
static bool is_starved(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	const struct hd_thread_verdict *tv = &v->threads[t];
	uint32_t others = 0;
	if (!snap->threads[t].call_known || !tv->wait.has_deadline || tv->wait.outside != NULL || tv->wait.kind == HD_WAIT_TIMER)
		return false;
	for (uint32_t i = 0; i < tv->wakers.n; i++) {
		uint32_t waker = tv->wakers.at[i];
		if (waker == t)
			continue;
		if (!is_stuck(v, waker))
			return false;
		others++;
	}
	return others > 0;
}

static void find_starved(const struct hd_snapshot *snap, struct hd_verdict *v)
{
	bool again = true;
	for (int pass = 0; again && pass < STARVED_PASSES; pass++) {
		again = false;
		for (uint32_t t = 0; t < snap->n_threads; t++) {
			if (is_stuck(v, t) || !is_starved(snap, v, t))
				continue;
			v->threads[t].is_starved = true;
			again = true;
		}
	}
}

/* ---- processes ------------------------------------------------------------------------------------------------------ */

struct tally {
	uint32_t living, stuck, stopped, culprits;
};

static struct tally tally_of(const struct hd_snapshot *snap, const struct hd_verdict *v, const struct hd_proc *pr)
{
	struct tally tally = {0};
	for (uint32_t i = 0; i < pr->n_threads; i++) {
		uint32_t t = pr->first_thread + i;
		const struct hd_thread *th = &snap->threads[t];
		if (th->state == 'Z' || th->state == 'X')
			continue;
		tally.living++;
		tally.stuck += is_stuck(v, t);
		tally.stopped += th->state == 'T' || th->state == 't';
		tally.culprits += v->threads[t].is_culprit;
	}
	return tally;
}

static enum hd_status status_of(const struct hd_proc *pr, const struct tally *tally)
{
	if (tally->living == 0)
		return pr->state == 'Z' || pr->state == 'X' ? HD_STATUS_EXITED : HD_STATUS_ALIVE;
	if (tally->culprits > 0)
		return HD_STATUS_DEADLOCKED;
	if (tally->stuck > 0)
		return HD_STATUS_WAITING;
	return tally->stopped == tally->living ? HD_STATUS_STOPPED : HD_STATUS_ALIVE;
}

static bool main_is_stuck(const struct hd_snapshot *snap, const struct hd_verdict *v, const struct hd_proc *pr)
{
	for (uint32_t i = 0; i < pr->n_threads; i++) {
		if (snap->threads[pr->first_thread + i].tid == pr->pid)
			return is_stuck(v, pr->first_thread + i);
	}
	return false;
}

static void judge_procs(const struct hd_snapshot *snap, struct hd_verdict *v)
{
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		const struct hd_proc *pr = &snap->procs[p];
		struct tally tally = tally_of(snap, v, pr);
		v->procs[p].status = status_of(pr, &tally);
		v->procs[p].is_culprit = tally.culprits > 0;
		if (!pr->in_tree || tally.stuck == 0)
			continue;
		if ((tally.stuck == tally.living && pr->threads_complete) || main_is_stuck(snap, v, pr))
			v->scope = HD_SCOPE_PROCESS;
		else if (v->scope == HD_SCOPE_NONE)
			v->scope = HD_SCOPE_PARTIAL;
	}
}

/* ---- culprits --------------------------------------------------------------------------------------------------------- */

static void name_culprits(const struct hd_snapshot *snap, struct hd_verdict *v, const struct hd_roots *roots,
			  struct hd_arena *arena)
{
	v->culprits = HD_NEW_N(arena, snap->n_procs, uint32_t);
	for (uint32_t r = 0; r < roots->n; r++) {
		const struct hd_root *root = &roots->at[r];
		for (uint32_t i = 0; i < root->n_threads; i++) {
			uint32_t p = snap->threads[root->threads[i]].proc;
			if (root->threads[i] != root->lead && hd_alarm_frees(snap, v, root->threads[i]))
				continue;
			v->threads[root->threads[i]].is_culprit = true;
			if (v->procs[p].cause != HD_CAUSE_NONE)
				continue; /* a better explained root was here before */
			v->procs[p].cause = root->cause;
			v->culprits[v->n_culprits++] = p;
		}
	}
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		if (roots->root_of[t] != HD_NONE && !v->threads[t].is_culprit)
			v->threads[t].root = roots->at[roots->root_of[t]].lead;
	}
}

/* Handlers that only somebody outside would trigger do not weaken the proof, but it says so.  A wait for stopped
 * children ends as well if somebody outside stops one. */
static bool assumes_no_signal(const struct hd_snapshot *snap, const struct hd_verdict *v)
{
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		const struct hd_thread *th = &snap->threads[t];
		if (!is_dead(v, t))
			continue;
		if ((snap->procs[th->proc].sig_caught & ~SIGNALS_LIBC) != 0)
			return true;
		if (v->threads[t].wait.kind == HD_WAIT_CHILD && ((th->args[2] | th->args[3]) & WAIT_STOPPED) != 0)
			return true;
	}
	return false;
}

/* ---- children that died while somebody waits for their work ------------------------------------------------------------ */

static bool may_wait_for_child(const struct hd_verdict *v, const struct hd_snapshot *snap, uint32_t t)
{
	static const enum hd_wait_kind kinds[] = {HD_WAIT_CHILD, HD_WAIT_FUTEX, HD_WAIT_PIPE, HD_WAIT_SOCKET,
						  HD_WAIT_POLL,	 HD_WAIT_EPOLL, HD_WAIT_EVENTFD};
	if (snap->threads[t].state != 'S')
		return false;
	for (size_t i = 0; i < HD_COUNTOF(kinds); i++) {
		if (v->threads[t].wait.kind == kinds[i])
			return true;
	}
	return false;
}

static void find_lost_waiters(const struct hd_snapshot *snap, struct hd_verdict *v, struct hd_arena *arena)
{
	v->lost_waiters = HD_NEW_N(arena, snap->n_lost, uint32_t);
	for (uint32_t i = 0; i < snap->n_lost; i++) {
		uint32_t p = hd_snapshot_proc(snap, snap->lost[i].ppid);
		for (uint32_t k = 0; p != HD_NONE && k < snap->procs[p].n_threads && v->lost_waiters[i] == 0; k++) {
			uint32_t t = snap->procs[p].first_thread + k;
			if (may_wait_for_child(v, snap, t))
				v->lost_waiters[i] = (uint32_t)snap->threads[t].tid;
		}
	}
}

void hd_explain(const struct hd_snapshot *snap, struct hd_verdict *v, struct hd_arena *arena)
{
	struct hd_roots roots = hd_roots_find(snap, v, arena);
	find_lost_waiters(snap, v, arena);
	for (uint32_t t = 0; t < snap->n_threads; t++)
		v->threads[t].holder = hd_fork_holder_find(snap, v, t);
	if (roots.n > 0) {
		const struct hd_root *root = &roots.at[0];
		v->kind = HD_VERDICT_DEADLOCK;
		v->certainty = root->certainty;
		v->cause = root->cause;
		v->lead = root->lead;
		v->blocked_ns = snap->threads[root->lead].blocked_ns;
		v->assumes_no_signal = assumes_no_signal(snap, v);
		find_starved(snap, v);
		name_culprits(snap, v, &roots, arena);
		v->summary = hd_summary_root(snap, v, root, arena);
		v->signature = hd_signature(snap, v, root->lead, arena);
	}
	judge_procs(snap, v);
}
