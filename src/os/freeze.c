/* A short stop of one process for its registers. */
#include <errno.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <time.h>

#include "hangdog/clock.h"
#include "os/arch.h"
#include "os/procfile.h"
#include "os/tracer_priv.h"

struct borrowing {
	struct hd_tracer *t;
	int32_t pid;
	int error;
};

static int borrow_thread(void *ctx, int32_t tid)
{
	struct borrowing *b = ctx;
	if (hd_tracer_find(b->t, tid) != NULL)
		return 0;
	if (ptrace(PTRACE_SEIZE, tid, 0L, 0L) != 0) {
		if (errno != ESRCH)
			b->error = -errno; /* a zombie leader says EPERM as well; it matters only if nobody could be seized */
		return 0;
	}
	struct tracee *e = hd_tracer_insert(b->t, tid, b->pid);
	e->is_told = true;
	e->is_borrowed = true;
	return 0;
}

/* Asks them; how many could be asked. */
static size_t want(struct hd_tracer *t, int32_t pid, int32_t except)
{
	struct tracee *e, *next;
	size_t n = 0;
	HD_TABLE_EACH(&t->by_tid, e, next) {
		if (e->pid != pid || e->is_ghost || e->tid == except)
			continue;
		e->is_wanted = ptrace(PTRACE_INTERRUPT, e->tid, 0L, 0L) == 0;
		n += e->is_wanted;
	}
	return n;
}

/* Was somebody asked who does not stand still yet?  Who ends instead is no tracee any more. */
static bool is_awaited(const struct hd_tracer *t, int32_t pid)
{
	const struct tracee *e, *next;
	HD_TABLE_EACH(&t->by_tid, e, next) {
		if (e->pid == pid && e->is_wanted && !e->is_frozen)
			return true;
	}
	return false;
}

/* Until all that were asked stand still, or the time is over.  Short waits are spun, longer ones slept. */
static void wait_frozen(struct hd_tracer *t, int32_t pid, int64_t until)
{
	int64_t begin = hd_now_ns();
	while (is_awaited(t, pid)) {
		bool any = false;
		while (hd_tracer_step(t))
			any = true;
		int64_t now = hd_now_ns();
		if (now >= until)
			return;
		if (!any && now - begin > 200 * HD_NS_PER_US)
			nanosleep(&(struct timespec){0, 50000}, NULL);
		else if (!any)
			sched_yield();
	}
}

static void show_frozen(struct hd_tracer *t, int32_t pid, int64_t until, hd_stopped_fn *fn, void *ctx)
{
	struct tracee *e, *next;
	HD_TABLE_EACH(&t->by_tid, e, next) {
		struct user_regs_struct u;
		if (e->pid != pid || !e->is_frozen || hd_now_ns() >= until || hd_arch_read(e->tid, &u) != 0)
			continue;
		struct hd_regs regs = hd_arch_regs(&u);
		fn(ctx, e->tid, &regs);
	}
}

static int64_t thaw(struct hd_tracer *t, int32_t pid)
{
	struct tracee *e, *next;
	int64_t longest = 0;
	HD_TABLE_EACH(&t->by_tid, e, next) {
		if (e->pid != pid)
			continue;
		bool was_frozen = e->is_frozen;
		e->is_wanted = e->is_frozen = false;
		if (!was_frozen)
			continue; /* could not stop: its trap comes later and is answered then */
		int64_t took = hd_now_ns() - e->since_ns;
		longest = took > longest ? took : longest;
		if (e->is_borrowed) {
			ptrace(PTRACE_DETACH, e->tid, 0L, 0L);
			hd_tracer_remove(t, e);
		} else {
			ptrace(e->frozen_signal != 0 ? PTRACE_LISTEN : PTRACE_CONT, e->tid, 0L, 0L);
			e->frozen_signal = 0;
		}
	}
	return longest;
}

/* Stops, shows, lets go; the longest time that a thread stood.  Half of the time is for those who do stop to be shown in. */
static int64_t freeze(struct hd_tracer *t, int32_t pid, int budget_ms, hd_stopped_fn *fn, void *ctx)
{
	int64_t begin = hd_now_ns();
	t->is_freezing = true;
	wait_frozen(t, pid, begin + budget_ms * HD_NS_PER_MS / 2);
	show_frozen(t, pid, begin + budget_ms * HD_NS_PER_MS, fn, ctx);
	int64_t longest = thaw(t, pid);
	t->is_freezing = false;
	if (longest > t->longest_ns)
		t->longest_ns = longest;
	return longest;
}

void hd_freeze_others(struct hd_tracer *t, int32_t pid, int32_t except, int budget_ms, hd_stopped_fn *fn, void *ctx)
{
	if (want(t, pid, except) > 0)
		freeze(t, pid, budget_ms, fn, ctx);
}

int hd_tracer_freeze_thread(struct hd_tracer *t, int32_t pid, int32_t tid, int budget_ms, hd_stopped_fn *fn, void *ctx,
			    int64_t *ret_longest_us)
{
	struct borrowing b = {.t = t, .pid = pid};
	(void)borrow_thread(&b, tid); /* what went wrong is in b */
	struct tracee *e = hd_tracer_find(t, tid);
	if (e == NULL || e->is_ghost || e->pid != pid)
		return b.error != 0 ? b.error : -ESRCH;
	e->is_wanted = true;
	if (ptrace(PTRACE_INTERRUPT, tid, 0L, 0L) != 0)
		return -errno;
	*ret_longest_us = freeze(t, pid, budget_ms, fn, ctx) / HD_NS_PER_US;
	return 0;
}

int hd_tracer_freeze(struct hd_tracer *t, int32_t pid, int budget_ms, hd_stopped_fn *fn, void *ctx, int64_t *ret_longest_us)
{
	struct borrowing b = {.t = t, .pid = pid};
	if (hd_tracer_find(t, pid) == NULL) {
		int r = hd_procfile_numbers(borrow_thread, &b, "/proc/%d/task", pid);
		if (r < 0)
			return r;
	}
	if (want(t, pid, 0) == 0)
		return b.error != 0 ? b.error : -ESRCH;
	*ret_longest_us = freeze(t, pid, budget_ms, fn, ctx) / HD_NS_PER_US;
	return 0;
}
