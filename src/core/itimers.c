#include "hangdog/itimers.h"

#include <string.h>

#include "core/lookup.h"

#define SIGNAL_BIT(n) (UINT64_C(1) << ((n)-1))

/* The signals of the three timers: SIGALRM, SIGVTALRM, SIGPROF. */
static const uint64_t signal_of[HD_ITIMERS] = {SIGNAL_BIT(14), SIGNAL_BIT(26), SIGNAL_BIT(27)};

/* Blocked by every thread it stays pending, and nothing comes of it. */
static bool is_blocked_by_all(const struct hd_snapshot *snap, const struct hd_proc *pr, uint64_t signal)
{
	for (uint32_t i = 0; i < pr->n_threads; i++) {
		const struct hd_thread *th = &snap->threads[pr->first_thread + i];
		if (!hd_thread_ended(th) && (th->sig_blocked & signal) == 0)
			return false;
	}
	return true;
}

bool hd_alarm_ends(const struct hd_snapshot *snap, uint32_t p)
{
	const struct hd_proc *pr = &snap->procs[p];
	return pr->alarm_ns > 0 && ((pr->sig_caught | pr->sig_ignored) & signal_of[0]) == 0 &&
	       !is_blocked_by_all(snap, pr, signal_of[0]);
}

bool hd_alarm_frees(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	const struct hd_thread_verdict *tv = &v->threads[t];
	bool waits_for_others = false;
	if (tv->wait.kind != HD_WAIT_CHILD && tv->wait.kind != HD_WAIT_VFORK)
		return false;
	for (uint32_t i = 0; i < tv->wakers.n; i++) {
		uint32_t p = snap->threads[tv->wakers.at[i]].proc;
		if (p == snap->threads[t].proc)
			continue;
		if (!hd_alarm_ends(snap, p))
			return false;
		waits_for_others = true;
	}
	return waits_for_others;
}

/* ---- whom to ask ------------------------------------------------------------------------------------------------------- */

#define FUTEX_COMMAND 127u /* without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME */

/* FUTEX_WAIT, LOCK_PI, WAIT_BITSET, LOCK_PI2 without a limit.  Not WAIT_REQUEUE_PI: it may wait elsewhere by now. */
static bool is_plain_futex(const struct hd_thread *th)
{
	uint32_t op = (uint32_t)th->args[1] & FUTEX_COMMAND;
	return th->args[3] == 0 && (op == 0 || op == 6 || op == 9 || op == 13);
}

/* Calls that the kernel starts again unnoticed, with the arguments that stand in the registers, after an interruption
 * without a handler (ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND: arch/x86/kernel/signal.c), and that keep no state of
 * their own (restart_block) while they do: read, write, wait4, flock, fcntl, futex, waitid, futex_waitv, futex_wait. */
static bool goes_on_by_itself(const struct hd_thread *th)
{
	switch (th->nr) {
	case 0:
	case 1:
	case 61:
	case 72:
	case 73:
	case 247:
		return true;
	case 202:
		return is_plain_futex(th);
	case 449:
		return th->args[3] == 0;
	case 455:
		return th->args[4] == 0;
	default:
		return false;
	}
}

static bool may_be_asked(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	const struct hd_thread *th = &snap->threads[t];
	return v->threads[t].certainty >= HD_CERT_OWNED && th->is_still && th->state == 'S' && th->call_known && !th->was_restart &&
	       th->abi == HD_ABI_X86_64 && th->sig_pending == 0 && goes_on_by_itself(th);
}

static unsigned timers_of(const struct hd_proc *pr)
{
	unsigned which = (pr->sig_ignored & signal_of[0]) == 0; /* the alarm: by itself it ends the process */
	for (unsigned i = 0; i < HD_ITIMERS; i++)
		which |= (pr->sig_caught & signal_of[i]) != 0 ? 1u << i : 0;
	return which;
}

bool hd_itimers_plan(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t p, struct hd_itimer_ask *ret)
{
	const struct hd_proc *pr = &snap->procs[p];
	unsigned which = timers_of(pr);
	for (uint32_t t = pr->first_thread; which != 0 && t < pr->first_thread + pr->n_threads; t++) {
		const struct hd_thread *th = &snap->threads[t];
		if (!may_be_asked(snap, v, t))
			continue;
		*ret = (struct hd_itimer_ask){.pid = pr->pid, .tid = th->tid, .start = th->start, .nr = th->nr, .sp = th->sp, .pc = th->pc,
					      .which = which, .words = th->words, .n_words = th->n_words};
		memcpy(ret->args, th->args, sizeof(ret->args));
		return true;
	}
	return false;
}
