/* Seizing a running tree, and letting a tree go.
 *
 * PTRACE_SEIZE can wait for ever for an execve in the same process: exec holds cred_guard_mutex until a zombie thread is
 * reaped that only its tracer, us, can reap (kernel/ptrace.c ptrace_attach, fs/exec.c de_thread).  It then returns only to
 * restart after a signal handler (ERESTARTNOINTR), so the handler of a timer has to do the reaping. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "hangdog/clock.h"
#include "hangdog/procfs.h"
#include "os/procfile.h"
#include "os/tracer_priv.h"

enum {
	REAP_EVERY_US = 100000,
	PASSES_MAX = 100,
	QUIET_PASSES = 2, /* so many passes without anything new: complete */
	REFUSALS_MAX = 10, /* passes in a row in which a thread may not be seized, until it is believed */
	DETACH_MS = 1000,
};

/* ---- reaping while SEIZE waits --------------------------------------------------------------------------------- */

/* The only state that a signal handler shares; used by one thread, between arm and disarm. */
static struct obituary early[HD_OBITUARIES];
static volatile sig_atomic_t n_early;

static void reap_early(int signal)
{
	int saved = errno, status;
	pid_t tid;
	(void)signal;
	while (n_early < HD_OBITUARIES && (tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		early[n_early] = (struct obituary){tid, status};
		n_early++;
	}
	errno = saved;
}

struct alarm_guard {
	struct sigaction action;
	sigset_t mask;
	struct itimerval timer;
};

static void arm(struct alarm_guard *guard)
{
	struct sigaction action = {.sa_handler = reap_early};
	struct itimerval every = {{0, REAP_EVERY_US}, {0, REAP_EVERY_US}};
	sigset_t alarm_only;
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigaction(SIGALRM, &action, &guard->action);
	setitimer(ITIMER_REAL, &every, &guard->timer);
	sigprocmask(SIG_UNBLOCK, &alarm_only, &guard->mask);
}

static void disarm(struct alarm_guard *guard)
{
	sigprocmask(SIG_SETMASK, &guard->mask, NULL);
	setitimer(ITIMER_REAL, &guard->timer, NULL);
	sigaction(SIGALRM, &guard->action, NULL);
}

static int seize(int32_t tid, uintptr_t options)
{
	struct alarm_guard guard;
	arm(&guard);
	int r = ptrace(PTRACE_SEIZE, tid, 0L, options) != 0 ? -errno : 0;
	disarm(&guard);
	return r;
}

static void handle_early(struct hd_tracer *t)
{
	for (sig_atomic_t i = 0; i < n_early; i++)
		hd_tracer_handle(t, early[i].tid, early[i].status);
	n_early = 0;
}

/* ---- attach ---------------------------------------------------------------------------------------------------- */

struct attaching {
	struct hd_tracer *t;
	int32_t pid;
	size_t news;
	bool is_first; /* pass: who is dead already is told now, once */
	int error; /* first refusal, negative errno */
};

static void tell_thread(struct hd_tracer *t, int32_t tid, int32_t pid)
{
	struct hd_event ev = {.kind = HD_EV_NEW_THREAD, .tid = pid, .pid = pid, .other = tid};
	hd_tracer_emit(t, &ev);
}

static bool is_zombie(int32_t tid)
{
	struct hd_stat stat;
	return hd_procfile_stat(tid, tid, &stat) == 0 && stat.state == 'Z';
}

/* The main thread has left; the process lives on in the others and is known by this number. */
static bool is_left_by_leader(int32_t pid)
{
	struct hd_stat stat;
	return hd_procfile_stat(pid, pid, &stat) == 0 && stat.state == 'Z' && stat.n_threads > 1;
}

static bool is_traced_by_us(int32_t tid)
{
	struct hd_task_status status;
	return hd_procfile_status(tid, tid, &status) == 0 && status.tracer == getpid();
}

static struct tracee *add_tracee(struct hd_tracer *t, int32_t tid, int32_t pid)
{
	struct tracee *e = hd_tracer_insert(t, tid, pid);
	struct hd_stat stat;
	e->is_told = true;
	if (tid != pid)
		tell_thread(t, tid, pid);
	else if (hd_procfile_stat(pid, pid, &stat) == 0)
		hd_tracer_tell_found(t, pid, stat.ppid);
	return e;
}

/* Ended before we came, and its parent has not asked: how it ended may explain what the others wait for. */
static void bury(const struct attaching *a, int32_t pid)
{
	if (!a->is_first)
		return;
	add_tracee(a->t, pid, pid);
	hd_tracer_handle(a->t, pid, hd_zombie_status(pid));
}

static int attach_thread(void *ctx, int32_t tid)
{
	struct attaching *a = ctx;
	while (hd_tracer_step(a->t)) /* zombies first: they could hold up SEIZE */
		;
	if (hd_tracer_find(a->t, tid) != NULL)
		return 0;
	int r = seize(tid, a->t->options);
	if (r == 0) {
		add_tracee(a->t, tid, a->pid);
		a->news++;
	} else if (r == -EPERM && tid == a->pid && is_left_by_leader(tid)) {
		add_tracee(a->t, tid, a->pid)->is_ghost = true;
	} else if (r == -EPERM && tid == a->pid && is_zombie(tid)) {
		bury(a, tid);
	} else if (r != -ESRCH && !is_traced_by_us(tid) && !is_zombie(tid) && a->error == 0) {
		a->error = r;
	}
	handle_early(a->t);
	return 0;
}

/* One pass over the threads of a process: 0, or why it cannot be traced. */
static int attach_process(struct hd_tracer *t, int32_t pid, bool is_first, size_t *news)
{
	struct attaching a = {.t = t, .pid = pid, .is_first = is_first};
	int r = hd_procfile_numbers(attach_thread, &a, "/proc/%d/task", pid);
	*news += a.news;
	return r < 0 && r != -ESRCH ? r : a.error;
}

static int attach_pass(struct hd_tracer *t, int32_t root, bool is_first, size_t *news)
{
	struct hd_arena *arena = hd_arena_new();
	int32_t *pids;
	size_t n;
	int r = hd_procfs_tree(root, arena, &pids, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		int one = attach_process(t, pids[i], is_first, news);
		if (one < 0 && pids[i] == root)
			r = one;
		else if (one < 0)
			hd_observe_adopt(t, pids[i]); /* may not be traced: at least known */
	}
	hd_arena_free(arena);
	return r;
}

int hd_tracer_attach(struct hd_tracer *t, int32_t pid, struct hd_err *err)
{
	int r = hd_procfs_probe(pid, true, err);
	if (r < 0)
		return r;
	if (t->root == 0)
		t->root = pid;
	for (int pass = 0, quiet = 0, refused = 0; pass < PASSES_MAX && quiet < QUIET_PASSES; pass++) {
		size_t news = 0;
		r = attach_pass(t, pid, /* is_first= */ pass == 0, &news);
		if (r == -ESRCH)
			return hd_err_set(err, ESRCH, "process %d has ended meanwhile: nothing is left to guard", pid);
		if (r == -EPERM && ++refused < REFUSALS_MAX) { /* a thread that is just going, or taken over by an exec */
			nanosleep(&(struct timespec){0, 1000000}, NULL);
			quiet = 0;
			continue;
		}
		if (r < 0)
			return hd_err_set(err, -r, "cannot trace process %d: %s; `hangdog doctor %d` says what forbids it", pid,
					  strerror(-r), pid);
		refused = 0;
		quiet = news == 0 ? quiet + 1 : 0;
	}
	return 0;
}

/* ---- detach ---------------------------------------------------------------------------------------------------- */

/* Lets go of who stands still and asks the others to; true when nobody is left. */
static bool detach_round(struct hd_tracer *t)
{
	struct tracee *e, *next;
	HD_TABLE_EACH(&t->by_tid, e, next) {
		bool is_gone = e->is_ghost || e->is_held || e->is_frozen;
		if (is_gone) {
			if (!e->is_ghost)
				ptrace(PTRACE_DETACH, e->tid, 0L, 0L); /* from a group stop it stays stopped, as it was */
			hd_tracer_remove(t, e);
		} else if (!e->is_wanted) {
			e->is_wanted = true;
			if (ptrace(PTRACE_INTERRUPT, e->tid, 0L, 0L) != 0)
				hd_tracer_remove(t, e); /* dying, or let go before its parent's event came */
		}
	}
	return t->by_tid.n == 0;
}

void hd_tracer_detach_all(struct hd_tracer *t)
{
	int64_t until = hd_now_ns() + DETACH_MS * HD_NS_PER_MS;
	while (!detach_round(t) && hd_now_ns() < until) {
		bool any = false;
		while (hd_tracer_step(t))
			any = true;
		if (!any)
			nanosleep(&(struct timespec){0, 100000}, NULL);
	}
	struct tracee *e, *next;
	HD_TABLE_EACH(&t->by_tid, e, next) /* cannot stop now; if it does before we end, it is continued */
		e->is_wanted = false;
}
