#include "hangdog/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "hangdog/clock.h"
#include "hangdog/procfs.h"
#include "os/arch.h"
#include "os/procfile.h"

#define BLOCKED_BYTES ((size_t)64 << 10)  /* what lies above is still there when we unwind */
#define RUNNING_BYTES ((size_t)256 << 10) /* may change as soon as it runs on */
#define TOTAL_BYTES ((size_t)512 << 20)
#define SPIN_NS (100 * HD_NS_PER_US)
#define WINDOW 64u /* asked to stop at a time: who has stopped is soon looked at */

struct hd_capture {
	struct hd_arena *arena;
	int32_t pid;
	int mem_fd;
	struct hd_maps maps;
	struct hd_captured *at;
	uint32_t n;
	size_t bytes;
	int64_t longest_ns;
};

/* Keeps the bytes from SP to the end of its stack. */
static void keep_stack(struct hd_capture *c, struct hd_captured *t, uint64_t sp, size_t max)
{
	const struct hd_map *map = hd_maps_find(&c->maps, sp);
	if (map != NULL && map->end - sp < max)
		max = map->end - sp;
	if (c->bytes >= TOTAL_BYTES)
		return;
	uint8_t *bytes = hd_arena_alloc(c->arena, 1, max);
	ssize_t n = pread(c->mem_fd, bytes, max, (off_t)sp);
	t->bytes = bytes;
	t->len = n > 0 ? (size_t)n : 0;
	c->bytes += t->len;
}

/* ---- blocked threads --------------------------------------------------------------------------------------------------- */

static bool read_call(int fd, struct hd_syscall *ret)
{
	char text[256];
	return hd_procfile_pread(fd, text, sizeof(text)) > 0 && hd_syscall_parse(text, ret) == 0 &&
	       ret->form != HD_SYSCALL_RUNNING;
}

static bool is_same_call(const struct hd_syscall *a, const struct hd_syscall *b)
{
	return a->form == b->form && a->nr == b->nr && a->sp == b->sp && a->pc == b->pc && memcmp(a->args, b->args, sizeof(a->args)) == 0;
}

/* The line before and after the copy is the same: it stood there meanwhile. */
static void read_blocked(struct hd_capture *c, int task_fd, struct hd_captured *t)
{
	struct hd_syscall before = {0}, after = {0};
	HD_CLEAN_FD int fd = hd_procfile_task_open(task_fd, t->tid, "syscall");
	if (fd < 0 || !read_call(fd, &before))
		return;
	keep_stack(c, t, before.sp, BLOCKED_BYTES);
	if (!read_call(fd, &after) || !is_same_call(&before, &after)) {
		t->len = 0;
		return;
	}
	t->how = HD_HOW_BLOCKED;
	t->regs = (struct hd_regs){.sp = before.sp, .pc = before.pc};
	if (before.form == HD_SYSCALL_NUMERIC) {
		t->nr = before.nr;
		memcpy(t->args, before.args, sizeof(t->args));
	}
}

static int by_tid(const void *a, const void *b)
{
	int32_t x = ((const struct hd_captured *)a)->tid, y = ((const struct hd_captured *)b)->tid;
	return (x > y) - (x < y);
}

int hd_capture_of(int32_t pid, const int32_t *tids, uint32_t n, struct hd_capture **ret)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	HD_CLEAN_FD int task_fd = hd_procfile_tasks(pid);
	struct hd_capture *c = calloc(1, sizeof(*c));
	if (c == NULL)
		abort();
	c->arena = hd_arena_new();
	c->pid = pid;
	c->mem_fd = fd;
	c->n = n;
	if (hd_procfs_maps(pid, c->arena, &c->maps) < 0)
		c->maps = (struct hd_maps){0}; /* stacks have no known end then */
	c->at = HD_NEW_N(c->arena, (size_t)n + 1, struct hd_captured);
	for (uint32_t i = 0; i < n; i++)
		c->at[i] = (struct hd_captured){.tid = tids[i], .nr = -1};
	qsort(c->at, n, sizeof(*c->at), by_tid);
	for (uint32_t i = 0; i < n && task_fd >= 0; i++)
		read_blocked(c, task_fd, &c->at[i]);
	*ret = c;
	return 0;
}

void hd_capture_free(struct hd_capture *c)
{
	if (c == NULL)
		return;
	hd_arena_free(c->arena);
	close(c->mem_fd);
	free(c);
}

uint32_t hd_capture_missing(const struct hd_capture *c)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->n; i++)
		n += c->at[i].how == HD_HOW_UNKNOWN;
	return n;
}

const struct hd_captured *hd_capture_find(const struct hd_capture *c, int32_t tid)
{
	const struct hd_captured key = {.tid = tid};
	return bsearch(&key, c->at, c->n, sizeof(*c->at), by_tid);
}

const struct hd_maps *hd_capture_maps(const struct hd_capture *c)
{
	return &c->maps;
}

int64_t hd_capture_longest_stop_us(const struct hd_capture *c)
{
	return (c->longest_ns + HD_NS_PER_US - 1) / HD_NS_PER_US;
}

/* ---- running threads ----------------------------------------------------------------------------------------------------- */

static void keep_stopped(struct hd_capture *c, struct hd_captured *t, const struct hd_regs *regs)
{
	keep_stack(c, t, regs->sp, RUNNING_BYTES);
	t->how = HD_HOW_STOPPED;
	t->regs = *regs;
}

void hd_capture_stopped(void *capture, int32_t tid, const struct hd_regs *regs)
{
	struct hd_capture *c = capture;
	struct hd_captured *t = (struct hd_captured *)hd_capture_find(c, tid);
	if (t != NULL && t->how == HD_HOW_UNKNOWN)
		keep_stopped(c, t, regs);
}

struct stopper {
	struct hd_capture *capture;
	int64_t until;
	uint32_t next, seized;
	int64_t asked_ns;
	int error;
	struct pending { uint32_t i; int64_t polled_ns; } *pending;
	uint32_t n;
};

/* It stands: read it and let it go.  What it stopped for is passed on: a signal is delivered, a job-control stop stays. */
static void read_stopped(struct hd_capture *c, struct pending *p, int status)
{
	struct hd_captured *t = &c->at[p->i];
	struct user_regs_struct u;
	struct hd_regs regs = {0};
	if (!WIFSTOPPED(status))
		return; /* it has ended */
	bool ok = hd_arch_read(t->tid, &u) == 0;
	if (ok) {
		regs = hd_arch_regs(&u);
		keep_stopped(c, t, &regs);
	}
	int event = status >> 16, signal = WSTOPSIG(status);
	ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(intptr_t)(event == 0 ? signal : 0));
	int64_t took = hd_now_ns() - p->polled_ns;
	if (took > c->longest_ns)
		c->longest_ns = took;
}

/* Asks the next thread that is not read yet. */
static void ask_next(struct stopper *s)
{
	struct hd_capture *c = s->capture;
	uint32_t i = s->next++;
	if (c->at[i].how != HD_HOW_UNKNOWN)
		return;
	if (ptrace(PTRACE_SEIZE, c->at[i].tid, NULL, NULL) < 0) {
		if (errno != ESRCH)
			s->error = -errno;
		return;
	}
	s->seized++;
	s->asked_ns = hd_now_ns();
	if (ptrace(PTRACE_INTERRUPT, c->at[i].tid, NULL, NULL) == 0)
		s->pending[s->n++] = (struct pending){i, s->asked_ns};
}

/* One round over those that were asked; true: somebody stood. */
static bool poll_round(struct stopper *s)
{
	bool any = false;
	for (uint32_t k = 0; k < s->n;) {
		int status;
		int64_t now = hd_now_ns();
		pid_t r = waitpid(s->capture->at[s->pending[k].i].tid, &status, __WALL | WNOHANG);
		if (r == 0) {
			s->pending[k++].polled_ns = now;
			continue;
		}
		if (r > 0)
			read_stopped(s->capture, &s->pending[k], status);
		any = true;
		s->pending[k] = s->pending[--s->n];
	}
	return any;
}

/* Where it is allowed: whoever holds a thread stopped must not itself wait for a processor that spinning threads keep
 * busy.  It sleeps between its looks, so nobody starves. */
static bool hurry(void)
{
	struct sched_param param = {.sched_priority = 1};
	return pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;
}

static void *stopper_run(void *arg)
{
	struct stopper *s = arg;
	int64_t spin_ns = hurry() ? 0 : SPIN_NS, quiet_since = hd_now_ns();
	while ((s->n > 0 || s->next < s->capture->n) && hd_now_ns() < s->until) {
		/* Some never stop (a vfork parent): they must not keep the others waiting. */
		bool ask = s->next < s->capture->n && (s->n < WINDOW || hd_now_ns() - s->asked_ns > SPIN_NS);
		if (ask)
			ask_next(s);
		if (poll_round(s) || ask)
			quiet_since = hd_now_ns();
		else if (hd_now_ns() - quiet_since >= spin_ns)
			nanosleep(&(struct timespec){0, 20000}, NULL);
	}
	return NULL; /* the kernel detaches whoever is left */
}

int hd_capture_stop(struct hd_capture *c, int budget_ms)
{
	struct stopper s = {.capture = c, .until = hd_now_ns() + budget_ms * HD_NS_PER_MS};
	pthread_t thread;
	sigset_t all, old;
	if (hd_capture_missing(c) == 0)
		return 0;
	s.pending = calloc(c->n, sizeof(*s.pending));
	if (s.pending == NULL)
		abort();
	sigfillset(&all); /* signals are for the thread that expects them */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&thread, NULL, stopper_run, &s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		pthread_join(thread, NULL);
	free(s.pending);
	if (r != 0)
		return -r;
	return s.seized == 0 && s.error != 0 ? s.error : 0;
}

void hd_capture_unwind(const struct hd_captured *t, struct hd_unwinder *unwinder, const struct hd_unwind_query *query,
		       struct hd_arena *arena, struct hd_stack *ret)
{
	struct hd_unwind_query own = *query;
	if (t->how == HD_HOW_UNKNOWN) {
		*ret = (struct hd_stack){0};
		return;
	}
	own.regs = t->regs;
	own.stack = t->bytes;
	own.stack_addr = t->regs.sp;
	own.stack_len = t->len;
	hd_unwind(unwinder, &own, arena, ret);
}
