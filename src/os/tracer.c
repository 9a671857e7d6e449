/* The table of tracees and the answers to their stops.  Rules that everything here keeps:
 * - a signal is injected again before anything else is done: one that was reported and not yet injected dies with us;
 * - a group stop is answered with LISTEN; a CONT would silently undo it;
 * - any request may say ESRCH at any time (SIGKILL): the death is then reported by itself;
 * - a newborn that stops before its parent's event is held for a moment (HOLD_NS), so that births are told before what
 *   the newborn does, and evidence is taken from memory that it has not touched yet. */
#include "hangdog/tracer.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "hangdog/clock.h"
#include "hangdog/waitstatus.h"
#include "os/procfile.h"
#include "os/tracer_priv.h"

enum {
	FULL_MS = 20,     /* evidence at level full: how long the other threads of a forking process may take to stop */
	DRAIN_MAX = 2048, /* wait statuses per drain: a fork bomb must not keep us from looking */
};
#define HOLD_NS (100 * HD_NS_PER_MS)
#define HOLD_SPIN_NS (HD_NS_PER_MS / 2)

/* ---- table ----------------------------------------------------------------------------------------------------- */

struct tracee *hd_tracer_find(const struct hd_tracer *t, int32_t tid)
{
	return hd_table_find(&t->by_tid, (uint32_t)tid);
}

static void count_thread(struct hd_tracer *t, struct tracee *e, int by)
{
	struct tracee *leader = e->pid == e->tid ? e : hd_tracer_find(t, e->pid);
	if (leader == NULL)
		return;
	leader->n_threads += (uint32_t)by;
	if (by < 0 && e->is_stopped)
		leader->n_stopped--;
}

struct tracee *hd_tracer_insert(struct hd_tracer *t, int32_t tid, int32_t pid)
{
	struct tracee *e = calloc(1, sizeof(*e));
	if (e == NULL)
		abort();
	e->tid = tid;
	e->pid = pid;
	hd_table_add(&t->by_tid, (uint32_t)tid, e);
	if (pid != 0)
		count_thread(t, e, 1);
	return e;
}

void hd_tracer_remove(struct hd_tracer *t, struct tracee *e)
{
	if (e->is_held)
		t->n_held--;
	if (e->pid != 0 && e->pid != e->tid)
		count_thread(t, e, -1);
	hd_table_remove(&t->by_tid, e);
	free(e);
}

static void set_stopped(struct hd_tracer *t, struct tracee *e, bool stopped)
{
	struct tracee *leader = hd_tracer_find(t, e->pid);
	if (leader != NULL && e->is_stopped != stopped)
		leader->n_stopped += stopped ? 1 : -1u;
	e->is_stopped = stopped;
}

/* ---- telling --------------------------------------------------------------------------------------------------- */

void hd_tracer_emit(struct hd_tracer *t, struct hd_event *event)
{
	event->time_ns = hd_now_real_ns();
	t->fn(t->ctx, event);
}

/* Start time and name; both stay empty when it is gone already. */
static void describe(int32_t pid, struct hd_event *ev)
{
	struct hd_stat stat;
	if (hd_procfile_stat(pid, pid, &stat) != 0)
		return;
	ev->start = stat.start;
	memcpy(ev->comm, stat.name, sizeof(ev->comm) - 1);
}

static void tell_process(struct hd_tracer *t, struct tracee *e, struct hd_event *ev)
{
	e->is_told = true;
	e->start = ev->start;
	hd_tracer_emit(t, ev);
}

void hd_tracer_tell_found(struct hd_tracer *t, int32_t pid, int32_t ppid)
{
	struct hd_event ev = {
		.kind = HD_EV_NEW_PROCESS, .tid = ppid, .pid = ppid, .other = pid, .birth = HD_BIRTH_UNKNOWN};
	describe(pid, &ev);
	struct tracee *e = hd_tracer_find(t, pid);
	if (e != NULL)
		tell_process(t, e, &ev);
	else
		hd_tracer_emit(t, &ev);
}

static void tell_exit(struct hd_tracer *t, int32_t tid, int32_t pid, uint64_t start, int32_t status)
{
	struct hd_event ev = {.kind = HD_EV_EXIT, .tid = tid, .pid = pid, .start = start, .status = status};
	hd_tracer_emit(t, &ev);
}

/* ---- births ---------------------------------------------------------------------------------------------------- */

static void let_go(struct hd_tracer *t, struct tracee *e, int32_t signal)
{
	ptrace(PTRACE_CONT, e->tid, 0L, (long)signal);
	int64_t took = hd_now_ns() - e->since_ns;
	if (took > t->longest_ns)
		t->longest_ns = took;
}

static void release_held(struct hd_tracer *t, struct tracee *e)
{
	if (!e->is_held)
		return;
	e->is_held = false;
	t->n_held--;
	let_go(t, e, 0);
}

static enum hd_birth birth_of(int event, int64_t flags)
{
	if (flags < 0)
		return event == PTRACE_EVENT_VFORK ? HD_BIRTH_VFORK : HD_BIRTH_UNKNOWN;
	if ((flags & CLONE_VM) == 0)
		return HD_BIRTH_FORK;
	return (flags & CLONE_VFORK) != 0 ? HD_BIRTH_VFORK : HD_BIRTH_CLONE_VM;
}

static bool is_thread_of(int32_t tid, int64_t flags)
{
	struct hd_task_status status;
	if (flags >= 0)
		return (flags & CLONE_THREAD) != 0;
	return hd_procfile_status(tid, tid, &status) == 0 && status.tgid != tid;
}

/* It died and was reaped before its parent's event told us that it was born. */
static const struct obituary *take_obituary(struct hd_tracer *t, int32_t tid)
{
	size_t n = t->n_obituaries < HD_OBITUARIES ? t->n_obituaries : HD_OBITUARIES;
	for (size_t i = 0; i < n; i++) {
		if (t->obituaries[i].tid == tid) {
			t->obituaries[i].tid = 0;
			return &t->obituaries[i];
		}
	}
	return NULL;
}

static void note_obituary(struct hd_tracer *t, int32_t tid, int32_t status)
{
	t->obituaries[t->n_obituaries++ % HD_OBITUARIES] = (struct obituary){tid, status};
}

/* The newborn's row: there already if it stopped first, else made now, or NULL if it is dead and buried. */
static struct tracee *newborn(struct hd_tracer *t, int32_t tid, int32_t pid, const struct obituary *dead)
{
	struct tracee *e = hd_tracer_find(t, tid);
	if (e == NULL)
		return dead != NULL ? NULL : hd_tracer_insert(t, tid, pid);
	if (e->pid == 0) {
		e->pid = pid;
		count_thread(t, e, 1);
		if (e->is_stopped) {
			e->is_stopped = false;
			set_stopped(t, e, true);
		}
	}
	return e;
}

static void born_thread(struct hd_tracer *t, struct tracee *parent, int32_t tid)
{
	const struct obituary *dead = take_obituary(t, tid);
	struct tracee *e = newborn(t, tid, parent->pid, dead);
	let_go(t, parent, 0);
	struct hd_event ev = {.kind = HD_EV_NEW_THREAD, .tid = parent->tid, .pid = parent->pid, .other = tid};
	if (e != NULL) {
		release_held(t, e);
		if (e->is_told)
			return;
		e->is_told = true;
	}
	hd_tracer_emit(t, &ev);
	if (dead != NULL)
		tell_exit(t, tid, parent->pid, 0, dead->status);
}

static void add_regs(void *fork, int32_t tid, const struct hd_regs *regs)
{
	hd_forkev_add_regs(fork, tid, regs, true);
}

/* Level full: the other threads' registers.  Answers other stops meanwhile, so rows may have gone afterwards; the newborn
 * is held, lest its first stop be answered among them. */
static void stop_others(struct hd_tracer *t, int32_t pid, int32_t tid, int32_t child, struct hd_fork *fork)
{
	struct tracee *e = hd_tracer_find(t, child);
	if (e != NULL && !e->is_held) {
		e->is_held = true;
		t->n_held++;
	}
	hd_freeze_others(t, pid, tid, FULL_MS, add_regs, fork);
}

/* Evidence of a fork: with the parent in its stop, then, the parent let go, with the newborn before its first instruction.
 * In any case the parent is let go. */
static void note_fork(struct hd_tracer *t, int32_t tid, bool is_wanted, struct hd_event *ev)
{
	if (is_wanted)
		ev->fork = hd_forkev_collect(t->forkev, t->evidence, ev->pid, tid, &ev->fork_arena);
	if (ev->fork != NULL && t->evidence == HD_EVIDENCE_FULL && ev->fork->n_others > 0 && !t->is_freezing)
		stop_others(t, ev->pid, tid, ev->other, ev->fork);
	struct tracee *parent = hd_tracer_find(t, tid);
	if (parent != NULL)
		let_go(t, parent, 0);
	if (ev->fork != NULL)
		hd_forkev_birth(t->forkev, t->evidence, ev->fork, ev->fork_arena, ev->other);
}

static void born_process(struct hd_tracer *t, struct tracee *parent, int32_t pid, enum hd_birth birth)
{
	struct hd_event ev = {
		.kind = HD_EV_NEW_PROCESS, .tid = parent->tid, .pid = parent->pid, .other = pid, .birth = birth};
	const struct obituary *dead = take_obituary(t, pid);
	struct tracee *e = newborn(t, pid, pid, dead);
	bool was_told = e != NULL && e->is_told;
	bool is_copy = birth == HD_BIRTH_FORK || birth == HD_BIRTH_UNKNOWN;
	if (t->is_killing)
		kill(pid, SIGKILL); /* cannot be another's: we have not reaped it */
	note_fork(t, parent->tid, !was_told && dead == NULL && is_copy && t->forkev != NULL && !t->is_killing, &ev);
	if (dead == NULL && !was_told)
		describe(pid, &ev);
	e = hd_tracer_find(t, pid);
	if (e != NULL)
		release_held(t, e);
	if (ev.fork != NULL)
		hd_forkev_names(ev.fork, ev.fork_arena);
	if (was_told)
		return;
	if (e != NULL)
		tell_process(t, e, &ev);
	else
		hd_tracer_emit(t, &ev);
	if (dead == NULL && e == NULL)
		dead = take_obituary(t, pid); /* killed while the others were stopped */
	if (dead != NULL)
		tell_exit(t, pid, pid, 0, dead->status);
}

static void on_birth(struct hd_tracer *t, struct tracee *parent, int event)
{
	unsigned long child = 0;
	if (ptrace(PTRACE_GETEVENTMSG, parent->tid, 0L, &child) != 0) {
		let_go(t, parent, 0);
		return;
	}
	int64_t flags = hd_birth_flags(parent->tid);
	if (is_thread_of((int32_t)child, flags))
		born_thread(t, parent, (int32_t)child);
	else
		born_process(t, parent, (int32_t)child, birth_of(event, flags));
}

/* Stopped, and nobody has told of its birth yet. */
static void on_early_newborn(struct hd_tracer *t, int32_t tid, const struct hd_stop *stop)
{
	struct tracee *e = hd_tracer_insert(t, tid, 0);
	e->since_ns = hd_now_ns();
	if (t->is_killing)
		kill(tid, SIGKILL);
	if (stop->kind == HD_STOP_GROUP) { /* a thread born into a process that is being stopped */
		ptrace(PTRACE_LISTEN, tid, 0L, 0L);
		e->is_stopped = true;
		return;
	}
	e->is_held = true;
	t->n_held++;
}

/* The parent's event did not come (it was killed at it, most likely): learn from /proc what can be learnt. */
static void adopt(struct hd_tracer *t, struct tracee *e)
{
	struct hd_task_status status;
	if (hd_procfile_status(e->tid, e->tid, &status) != 0)
		status = (struct hd_task_status){.tgid = e->tid};
	e->pid = status.tgid;
	count_thread(t, e, 1);
	release_held(t, e);
	if (e->pid == e->tid) {
		hd_tracer_tell_found(t, e->tid, status.ppid);
		return;
	}
	struct hd_event ev = {.kind = HD_EV_NEW_THREAD, .tid = e->pid, .pid = e->pid, .other = e->tid};
	e->is_told = true;
	hd_tracer_emit(t, &ev);
}

/* ---- the other stops ------------------------------------------------------------------------------------------- */

static void on_end(struct hd_tracer *t, struct tracee *e, int32_t tid, int32_t status)
{
	if (tid == t->root) {
		t->root_ended = true;
		t->root_status = status;
	}
	if (t->is_observing && hd_observe_ended(t, tid, status)) {
		if (e != NULL)
			hd_tracer_remove(t, e);
		return;
	}
	if (e == NULL || !e->is_told)
		note_obituary(t, tid, status);
	int32_t pid = e != NULL ? e->pid : 0;
	uint64_t start = e != NULL ? e->start : 0;
	bool is_told = e == NULL || e->is_told;
	if (e != NULL)
		hd_tracer_remove(t, e);
	if (is_told)
		tell_exit(t, tid, pid, start, status);
	e = hd_tracer_find(t, pid);
	if (e != NULL && e->is_ghost && e->n_threads == 1)
		on_end(t, e, pid, 0); /* its last thread went; how, only its parent is told */
}

static void on_exec(struct hd_tracer *t, struct tracee *e)
{
	unsigned long before = 0;
	if (ptrace(PTRACE_GETEVENTMSG, e->tid, 0L, &before) == 0 && (int32_t)before != e->tid) {
		/* Another thread called exec and took over the leader's number; its own vanishes without a word. */
		struct tracee *caller = hd_tracer_find(t, (int32_t)before);
		if (caller != NULL)
			hd_tracer_remove(t, caller);
	}
	let_go(t, e, 0);
	e->n_threads = 1;
	e->is_ghost = false;
	struct hd_event ev = {.kind = HD_EV_EXEC, .tid = e->tid, .pid = e->pid, .other = (int32_t)before};
	describe(e->tid, &ev);
	hd_tracer_emit(t, &ev);
}

/* From the terminal, from the tree, or through us.  A SIGSTOP of ours is hd_stop_tree, not job control. */
static bool is_local(const struct hd_tracer *t, int32_t signal, const siginfo_t *info)
{
	if (info->si_code == SI_KERNEL)
		return true;
	return info->si_pid == getpid() ? signal != SIGSTOP : hd_tracer_find(t, info->si_pid) != NULL;
}

static void on_signal(struct hd_tracer *t, struct tracee *e, int32_t signal)
{
	siginfo_t info = {0};
	bool is_root = e->pid == t->root && ptrace(PTRACE_GETSIGINFO, e->tid, 0L, &info) == 0;
	let_go(t, e, signal);
	if (is_root) {
		t->deliveries[t->n_deliveries++ % HD_DELIVERIES] =
			(struct delivery){signal, info.si_code == SI_KERNEL ? 0 : info.si_pid, hd_now_ns()};
		if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)
			t->stop_is_local = is_local(t, signal, &info);
	}
	struct hd_event ev = {.kind = HD_EV_SIGNAL, .tid = e->tid, .pid = e->pid, .signal = signal};
	hd_tracer_emit(t, &ev);
}

/* Every thread of the root stopped?  A leader that has left by pthread_exit never says so. */
static bool root_is_stopped(const struct hd_tracer *t)
{
	const struct tracee *leader = hd_tracer_find(t, t->root);
	struct hd_stat stat;
	if (leader == NULL || leader->n_stopped == 0)
		return false;
	if (leader->n_stopped == leader->n_threads)
		return true;
	return leader->n_stopped + 1 == leader->n_threads && !leader->is_stopped &&
	       hd_procfile_stat(t->root, t->root, &stat) == 0 && stat.state == 'Z';
}

static void on_group_stop(struct hd_tracer *t, struct tracee *e, int32_t signal)
{
	if (e->is_wanted) {
		e->is_frozen = true;
		e->frozen_signal = signal;
	} else {
		ptrace(PTRACE_LISTEN, e->tid, 0L, 0L);
	}
	if (e->is_stopped)
		return; /* reported again after an INTERRUPT */
	set_stopped(t, e, true);
	if (e->pid == t->root && t->is_parent && t->stop_is_local && root_is_stopped(t))
		t->root_stop = signal;
	struct hd_event ev = {.kind = HD_EV_GROUP_STOP, .tid = e->tid, .pid = e->pid, .signal = signal};
	hd_tracer_emit(t, &ev);
}

static void on_trap(struct hd_tracer *t, struct tracee *e)
{
	bool was_stopped = e->is_stopped;
	if (e->is_held)
		return;
	if (e->is_borrowed && !e->is_wanted) { /* could not stop in the time of the freeze that asked for it */
		ptrace(PTRACE_DETACH, e->tid, 0L, 0L);
		hd_tracer_remove(t, e);
		return;
	}
	if (e->is_wanted)
		e->is_frozen = true;
	else
		let_go(t, e, 0);
	if (!was_stopped)
		return;
	set_stopped(t, e, false);
	if (e->pid == t->root)
		t->root_stop = 0;
	struct hd_event ev = {.kind = HD_EV_CONTINUED, .tid = e->tid, .pid = e->pid};
	hd_tracer_emit(t, &ev);
}

/* A stop of a plain child (observe): its parent sees job control only. */
static void on_plain_stop(struct hd_tracer *t, int32_t tid, int32_t signal)
{
	if (tid == t->root && t->is_parent && signal != SIGSTOP)
		t->root_stop = signal;
}

void hd_tracer_handle(struct hd_tracer *t, int32_t tid, int32_t status)
{
	struct hd_stop stop = hd_stop_decode(status);
	struct tracee *e = hd_tracer_find(t, tid);
	if (stop.kind == HD_STOP_NONE)
		return;
	if (stop.kind == HD_STOP_ENDED) {
		on_end(t, e, tid, status);
		return;
	}
	if (e == NULL && stop.kind == HD_STOP_SIGNAL && t->is_observing) {
		on_plain_stop(t, tid, stop.signal);
		return;
	}
	if (e == NULL) {
		on_early_newborn(t, tid, &stop);
		return;
	}
	e->since_ns = hd_now_ns();
	switch (stop.kind) {
	case HD_STOP_BIRTH:
		on_birth(t, e, stop.event);
		break;
	case HD_STOP_EXEC:
		on_exec(t, e);
		break;
	case HD_STOP_TRAP:
		on_trap(t, e);
		break;
	case HD_STOP_GROUP:
		on_group_stop(t, e, stop.signal);
		break;
	case HD_STOP_SIGNAL:
		on_signal(t, e, stop.signal);
		break;
	case HD_STOP_OTHER:
	case HD_STOP_NONE:
	case HD_STOP_ENDED:
		let_go(t, e, 0);
		break;
	}
}

/* ---- the loop's side ------------------------------------------------------------------------------------------- */

bool hd_tracer_step(struct hd_tracer *t)
{
	int status;
	pid_t tid;
	do
		tid = waitpid(-1, &status, __WALL | WNOHANG | (t->is_observing ? WUNTRACED : 0));
	while (tid < 0 && errno == EINTR);
	if (tid <= 0)
		return false;
	hd_tracer_handle(t, tid, status);
	return true;
}

/* The parents' events of held newborns are a few microseconds away, or as long as a busy machine lets the parents wait.
 * Not for ever: a parent that was killed says nothing more. */
static void settle_held(struct hd_tracer *t)
{
	int64_t until = hd_now_ns() + HOLD_SPIN_NS;
	while (t->n_held > 0 && hd_now_ns() < until) {
		if (!hd_tracer_step(t))
			sched_yield();
	}
	if (t->n_held == 0)
		return;
	struct tracee *e, *next;
	int64_t too_old = hd_now_ns() - HOLD_NS;
	HD_TABLE_EACH(&t->by_tid, e, next) {
		if (e->is_held && e->since_ns < too_old)
			adopt(t, e);
	}
	nanosleep(&(struct timespec){0, 500000}, NULL); /* the machine is busy: do not add to it */
}

static void mirror_stop(struct hd_tracer *t)
{
	int32_t signal = t->root_stop;
	t->root_stop = 0;
	hd_jobctl_stop_self(signal);
}

int hd_tracer_drain(struct hd_tracer *t)
{
	size_t n = 0;
	while (n < DRAIN_MAX && hd_tracer_step(t))
		n++;
	if (t->n_held > 0)
		settle_held(t);
	hd_observe_strays(t, false);
	if (t->is_observing)
		hd_observe_scan(t, false);
	if (n == DRAIN_MAX || t->n_held > 0)
		return 1;
	if (t->root_stop == 0)
		return 0;
	mirror_stop(t);
	return 1;
}

struct hd_tracer *hd_tracer_new(hd_event_fn *fn, void *ctx)
{
	struct hd_tracer *t = calloc(1, sizeof(*t));
	if (t == NULL)
		abort();
	t->fn = fn;
	t->ctx = ctx;
	t->options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	return t;
}

void hd_tracer_free(struct hd_tracer *t)
{
	if (t == NULL)
		return;
	hd_table_free_rows(&t->by_tid);
	hd_observe_release(t);
	free(t);
}

void hd_tracer_set_evidence(struct hd_tracer *t, struct hd_forkev *forkev, enum hd_evidence level)
{
	t->forkev = forkev;
	t->evidence = level;
}

void hd_tracer_set_killing(struct hd_tracer *t, bool on)
{
	t->is_killing = on;
	if (on)
		hd_tracer_rescan(t);
}

void hd_tracer_rescan(struct hd_tracer *t)
{
	hd_observe_strays(t, true);
	if (t->is_observing)
		hd_observe_scan(t, true);
}

void hd_tracer_follow_stop(struct hd_tracer *t)
{
	t->stop_is_local = true;
	if (t->is_parent && root_is_stopped(t))
		t->root_stop = SIGTSTP;
}

bool hd_tracer_has_tracees(const struct hd_tracer *t)
{
	return t->by_tid.n > 0 || t->observed.n > 0;
}

int32_t hd_tracer_root(const struct hd_tracer *t)
{
	return t->root;
}

bool hd_tracer_root_status(const struct hd_tracer *t, int32_t *ret_status)
{
	if (t->root_ended)
		*ret_status = t->root_status;
	return t->root_ended;
}

int64_t hd_tracer_longest_stop_us(const struct hd_tracer *t)
{
	return t->longest_ns / HD_NS_PER_US;
}

bool hd_tracer_is_observing(const struct hd_tracer *t)
{
	return t->is_observing && hd_tracer_find(t, t->root) == NULL;
}

bool hd_tracer_root_got(const struct hd_tracer *t, int32_t signal, int32_t sender, int64_t since_ns)
{
	size_t n = t->n_deliveries < HD_DELIVERIES ? t->n_deliveries : HD_DELIVERIES;
	for (size_t i = 0; i < n; i++) {
		const struct delivery *d = &t->deliveries[i];
		if (d->signal == signal && d->time_ns >= since_ns && (d->sender == sender || d->sender == 0))
			return true;
	}
	return false;
}
