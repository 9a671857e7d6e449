#include "hangdog/heal.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "hangdog/clock.h"
#include "hangdog/procfs.h"
#include "hangdog/tracer.h"
#include "os/arch.h"
#include "os/procfile.h"
#include "os/tracer_priv.h"

enum {
	PUMP_MS = 2,
	RUNNING_MS = 20, /* on a CPU for so long: it is not just on its way back into the same wait */
};

/* ---- memory ---------------------------------------------------------------------------------------------------------- */

static int open_memory(int32_t pid)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

static bool holds(int mem, const struct hd_heal_write *w, uint64_t value)
{
	uint64_t now = 0;
	return pread(mem, &now, w->len, (off_t)w->addr) == w->len && now == value;
}

static bool all_hold(int mem, const struct hd_heal *heal, bool is_written)
{
	for (unsigned i = 0; i < heal->n_writes; i++) {
		const struct hd_heal_write *w = &heal->writes[i];
		if (!holds(mem, w, is_written ? w->value : w->expected))
			return false;
	}
	return true;
}

/* Backwards, so that the lock is held again before the rest says by whom. */
static bool undo(int mem, const struct hd_heal *heal, unsigned n)
{
	bool ok = true;
	while (n-- > 0) {
		const struct hd_heal_write *w = &heal->writes[n];
		ok &= pwrite(mem, &w->expected, w->len, (off_t)w->addr) == w->len;
	}
	return ok;
}

static int write_all(int mem, const struct hd_heal *heal)
{
	for (unsigned i = 0; i < heal->n_writes; i++) {
		const struct hd_heal_write *w = &heal->writes[i];
		if (pwrite(mem, &w->value, w->len, (off_t)w->addr) == w->len)
			continue;
		int r = errno != 0 ? -errno : -EIO;
		return undo(mem, heal, i) ? r : -ENOTRECOVERABLE;
	}
	return 0;
}

/* ---- the waiter, while it is stopped ------------------------------------------------------------------------------------ */

struct surgery {
	const struct hd_heal *heal;
	int mem;
	bool is_undo;
	int result; /* -ESRCH until the thread was seen */
};

#if defined(__x86_64__)
/* The kernel's own codes for a call that goes on by itself (include/linux/errno.h). */
#define ERESTART_FIRST 512u /* ERESTARTSYS */
#define ERESTART_LAST 516u  /* ERESTART_RESTARTBLOCK */

/* Does it stand in the very call that was planned for?  With `breaks_call` that call fails with EINTR from here on. */
static int check_call(int32_t tid, const struct hd_heal *heal)
{
	struct user_regs_struct r;
	if (hd_arch_read(tid, &r) != 0)
		return -ESRCH;
	uint64_t restart = (uint64_t)0 - r.rax;
	if (hd_arch_call(&r) != heal->nr || hd_arch_arg0(&r) != heal->word || r.rsp != heal->sp || restart < ERESTART_FIRST ||
	    restart > ERESTART_LAST)
		return -ECANCELED;
	return 0;
}

static int break_call(int32_t tid)
{
	struct user_regs_struct r;
	struct iovec iov = {&r, sizeof(r)};
	if (hd_arch_read(tid, &r) != 0)
		return -ESRCH;
	r.rax = (uint64_t)0 - EINTR;
	r.orig_rax = UINT64_MAX; /* not in a call any more: nothing to start again */
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov) == 0 ? 0 : -errno;
}
#else
/* The layouts of locks are those of x86-64. */
static int check_call(int32_t tid, const struct hd_heal *heal)
{
	(void)tid;
	(void)heal;
	return -ENOSYS;
}

static int break_call(int32_t tid)
{
	(void)tid;
	return -ENOSYS;
}
#endif

static int operate(const struct surgery *s)
{
	const struct hd_heal *heal = s->heal;
	uint64_t start;
	int r = hd_procfs_start(heal->pid, heal->tid, &start);
	if (r < 0)
		return r;
	if (start != heal->start)
		return -ECANCELED;
	r = check_call(heal->tid, heal);
	if (r < 0)
		return r;
	if (!all_hold(s->mem, heal, s->is_undo))
		return -ECANCELED;
	if (s->is_undo)
		return undo(s->mem, heal, heal->n_writes) ? 0 : -ENOTRECOVERABLE;
	r = write_all(s->mem, heal);
	if (r == 0 && heal->breaks_call && break_call(heal->tid) < 0)
		r = undo(s->mem, heal, heal->n_writes) ? -EIO : -ENOTRECOVERABLE;
	return r;
}

static void on_stopped(void *ctx, int32_t tid, const struct hd_regs *regs)
{
	struct surgery *s = ctx;
	(void)regs;
	if (tid == s->heal->tid)
		s->result = operate(s);
}

static int stop_and_operate(struct hd_tracer *tracer, struct surgery *s)
{
	int64_t longest_us;
	s->result = -ETIME;
	int r = hd_tracer_freeze_thread(tracer, s->heal->pid, s->heal->tid, HD_HEAL_STOP_MS, on_stopped, s, &longest_us);
	return r < 0 ? r : s->result;
}

/* ---- did it go on? --------------------------------------------------------------------------------------------------------- */

enum motion { WAITS, RUNS, WENT_ON };

/* In the same call at the same place, with the words as they were written, it has not gone on; with other words somebody
 * took the lock meanwhile, and it waits its turn. */
static enum motion motion_of(int mem, const struct hd_heal *heal)
{
	char text[256];
	struct hd_syscall call;
	if (hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/syscall", heal->pid, heal->tid) < 0 ||
	    hd_syscall_parse(text, &call) < 0)
		return WENT_ON; /* it has ended */
	if (call.form == HD_SYSCALL_RUNNING)
		return RUNS;
	bool is_there = call.form == HD_SYSCALL_NUMERIC && call.nr == heal->nr && call.args[0] == heal->word && call.sp == heal->sp;
	return is_there && all_hold(mem, heal, /* is_written= */ true) ? WAITS : WENT_ON;
}

static bool watch(int mem, const struct hd_heal *heal, void (*pump)(void *ctx), void *ctx)
{
	int64_t begin = hd_now_ns(), running_since = 0;
	for (;;) {
		pump(ctx);
		enum motion motion = motion_of(mem, heal);
		int64_t now = hd_now_ns();
		running_since = motion != RUNS ? 0 : running_since != 0 ? running_since : now;
		if (motion == WENT_ON || (motion == RUNS && now - running_since > RUNNING_MS * HD_NS_PER_MS))
			return true;
		if (now - begin > HD_HEAL_WATCH_MS * HD_NS_PER_MS)
			return motion == RUNS;
		poll(NULL, 0, PUMP_MS);
	}
}

static int explain(int r, const struct hd_heal *heal, struct hd_err *err)
{
	switch (-r) {
	case ECANCELED:
		return hd_err_set(err, ECANCELED, "it changed while hangdog prepared to free it; nothing was written");
	case ETIME:
		return hd_err_set(err, ETIME, "thread %d could not be stopped to free its lock; nothing was written", heal->tid);
	case ETIMEDOUT:
		return hd_err_set(err, ETIMEDOUT, "its waiter did not go on; what was written has been taken back");
	case ENOTRECOVERABLE:
		return hd_err_set(err, ENOTRECOVERABLE, "only part of it could be written, and that could not be taken back: end the process");
	default:
		return hd_err_set(err, -r, "it could not be freed: %s", strerror(-r));
	}
}

int hd_heal_perform(struct hd_tracer *tracer, const struct hd_heal *heal, void (*pump)(void *ctx), void *ctx, int64_t *ret_us,
		    struct hd_err *err)
{
	HD_CLEAN_FD int mem = open_memory(heal->pid);
	if (mem < 0)
		return explain(mem, heal, err);
	struct surgery s = {.heal = heal, .mem = mem};
	int64_t begin = hd_now_ns();
	int r = stop_and_operate(tracer, &s);
	if (r < 0)
		return explain(r, heal, err);
	if (watch(mem, heal, pump, ctx)) {
		*ret_us = (hd_now_ns() - begin) / HD_NS_PER_US;
		return 0;
	}
	s.is_undo = true;
	r = stop_and_operate(tracer, &s);
	if (r == -ECANCELED || r == -ESRCH) { /* it moved after all, in the last moment */
		*ret_us = (hd_now_ns() - begin) / HD_NS_PER_US;
		return 0;
	}
	return explain(r == 0 ? -ETIMEDOUT : -ENOTRECOVERABLE, heal, err);
}
