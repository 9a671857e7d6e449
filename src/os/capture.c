#include "hangdog/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "hangdog/clock.h"
#include "hangdog/procfs.h"
#include "hangdog/threads.h"
#include "os/arch.h"
#include "os/procfile.h"

#define BLOCKED_BYTES ((size_t)64 << 10)  /* what lies above is still there when we unwind */
#define RUNNING_BYTES ((size_t)256 << 10) /* may change as soon as it runs on */
#define TOTAL_BYTES ((size_t)512 << 20)
#define SPIN_NS (100 * HD_NS_PER_US)
#define WINDOW 64u /* asked to stop at a time: who has stopped is soon looked at */

struct hd_capture {
	struct hd_arena *arena;
	struct hd_arena *bytes_of[HD_SHARERS_MAX]; /* stacks, by who read them */
	int32_t pid;
	int mem_fd, task_fd; /* -1 = none */
	uint8_t *scratch[HD_SHARERS_MAX]; /* RUNNING_BYTES each, NULL = not used yet */
	struct hd_maps maps;
	atomic_bool has_maps;
	struct hd_captured *at;
	uint32_t n, n_sorted, cap; /* those that were born later follow the sorted ones */
	bool wants_maps, wants_born; /* by hd_capture_anew */
	atomic_size_t bytes;
	int64_t longest_ns;
};

/* The C library keeps its record of a thread above the first frame, on the same pages: no part of the stack.  glibc's
 * tcbhead_t (sysdeps/x86_64/nptl/tls.h, unchanged since 2.3) lies at a multiple of 64 and names its own address twice. */
static size_t until_record(const uint8_t *bytes, size_t len, uint64_t sp)
{
	struct { uint64_t tcb, dtv, self; } record;
	for (size_t at = (size_t)(-sp & 63); at + sizeof(record) <= len; at += 64) {
		memcpy(&record, bytes + at, sizeof(record));
		if (record.tcb == sp + at && record.self == sp + at)
			return at;
	}
	return len;
}

static void open_memory(struct hd_capture *c)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", c->pid);
	hd_close_fd(&c->mem_fd);
	c->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
}

/* Keeps the bytes from SP to the end of its stack.  False: there is no memory at SP; of the program whose memory was opened, at
 * least, which may have made way for another one. */
static bool keep_stack(struct hd_capture *c, uint32_t sharer, struct hd_captured *t, uint64_t sp, size_t max)
{
	const struct hd_map *map = hd_maps_find(&c->maps, sp);
	if (map != NULL && map->end - sp < max)
		max = map->end - sp;
	if (c->bytes >= TOTAL_BYTES)
		return true;
	/* By way of memory that is touched already: a page that is new to us costs more than a copy. */
	if (c->scratch[sharer] == NULL)
		c->scratch[sharer] = hd_arena_room(c->bytes_of[sharer], RUNNING_BYTES);
	ssize_t n = pread(c->mem_fd, c->scratch[sharer], max, (off_t)sp);
	t->len = n > 0 ? until_record(c->scratch[sharer], (size_t)n, sp) : 0;
	uint8_t *bytes = hd_arena_room(c->bytes_of[sharer], t->len);
	memcpy(bytes, c->scratch[sharer], t->len);
	t->bytes = bytes;
	c->bytes += t->len;
	return n > 0;
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

static void read_who(const struct hd_capture *c, struct hd_captured *t)
{
	struct hd_stat stat;
	if (hd_procfile_stat_at(c->task_fd, t->tid, &stat) < 0)
		return;
	_Static_assert(sizeof(t->name) == sizeof(stat.name), "one name");
	memcpy(t->name, stat.name, sizeof(t->name));
	t->state = stat.state;
	t->ppid = stat.ppid;
	t->start = stat.start;
}

/* The line before and after the copy is the same: it stood there meanwhile. */
static void read_blocked(struct hd_capture *c, uint32_t sharer, struct hd_captured *t)
{
	struct hd_syscall before = {0}, after = {0};
	HD_CLEAN_FD int fd = hd_procfile_task_open(c->task_fd, t->tid, "syscall");
	if (fd < 0 || !read_call(fd, &before))
		return;
	bool ok = keep_stack(c, sharer, t, before.sp, BLOCKED_BYTES);
	if (!ok || !read_call(fd, &after) || !is_same_call(&before, &after)) {
		t->len = 0;
		return;
	}
	t->how = HD_HOW_BLOCKED;
	t->regs = (struct hd_regs){.sp = before.sp, .pc = before.pc};
	if (before.form == HD_SYSCALL_NUMERIC) {
		t->regs = hd_arch_regs_in_call(before.sp, before.pc, before.args);
		t->nr = before.nr;
		memcpy(t->args, before.args, sizeof(t->args));
	}
}

static void read_maps(struct hd_capture *c)
{
	if (hd_procfs_maps(c->pid, c->arena, &c->maps) < 0)
		c->maps = (struct hd_maps){0}; /* stacks have no known end then */
	c->wants_maps = false;
	c->has_maps = true;
}

/* Thing 0 is the mappings, which the kernel takes its time to list; then comes who each thread is; then where it stands,
 * for which the mappings are needed. */
static void read_thing(void *capture, uint32_t sharer, uint32_t i)
{
	struct hd_capture *c = capture;
	if (i == 0 && c->mem_fd >= 0)
		read_maps(c);
	else if (i > 0 && i <= c->n)
		read_who(c, &c->at[i - 1]);
	else if (i > c->n) {
		while (!c->has_maps)
			sched_yield();
		read_blocked(c, sharer, &c->at[i - 1 - c->n]);
	}
}

static int by_tid(const void *a, const void *b)
{
	int32_t x = ((const struct hd_captured *)a)->tid, y = ((const struct hd_captured *)b)->tid;
	return (x > y) - (x < y);
}

int hd_capture_of(int32_t pid, const int32_t *tids, uint32_t n, bool with_stacks, struct hd_capture **ret)
{
	int task_fd = hd_procfile_tasks(pid);
	if (task_fd < 0)
		return task_fd;
	struct hd_capture *c = calloc(1, sizeof(*c));
	if (c == NULL)
		abort();
	c->arena = hd_arena_new();
	for (size_t i = 0; i < HD_SHARERS_MAX; i++)
		c->bytes_of[i] = hd_arena_new();
	c->pid = pid;
	c->mem_fd = -1;
	if (with_stacks)
		open_memory(c);
	c->task_fd = task_fd;
	c->n = c->n_sorted = n;
	c->cap = n + 1;
	c->at = HD_NEW_N(c->arena, c->cap, struct hd_captured);
	for (uint32_t i = 0; i < n; i++)
		c->at[i] = (struct hd_captured){.tid = tids[i], .nr = -1};
	qsort(c->at, n, sizeof(*c->at), by_tid);
	hd_share(c->mem_fd >= 0 ? 1 + 2 * n : 1 + n, read_thing, c);
	*ret = c;
	return 0;
}

void hd_capture_free(struct hd_capture *c)
{
	if (c == NULL)
		return;
	hd_arena_free(c->arena);
	for (size_t i = 0; i < HD_SHARERS_MAX; i++)
		hd_arena_free(c->bytes_of[i]);
	hd_close_fd(&c->mem_fd);
	hd_close_fd(&c->task_fd);
	free(c);
}

uint32_t hd_capture_missing(const struct hd_capture *c)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->n; i++)
		n += hd_captured_is_missing(&c->at[i]);
	return n;
}

const struct hd_captured *hd_capture_find(const struct hd_capture *c, int32_t tid)
{
	const struct hd_captured key = {.tid = tid};
	for (uint32_t i = c->n_sorted; i < c->n; i++) {
		if (c->at[i].tid == tid)
			return &c->at[i];
	}
	return bsearch(&key, c->at, c->n_sorted, sizeof(*c->at), by_tid);
}

const struct hd_captured *hd_capture_born(const struct hd_capture *c, uint32_t *ret_n)
{
	*ret_n = c->n - c->n_sorted;
	return c->at + c->n_sorted;
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
	if (!keep_stack(c, 0, t, regs->sp, RUNNING_BYTES)) {
		/* Another program since; as long as this thread stands still it stays that one. */
		open_memory(c);
		read_maps(c);
		(void)keep_stack(c, 0, t, regs->sp, RUNNING_BYTES);
	}
	t->how = HD_HOW_STOPPED;
	t->is_old = false;
	t->nr = -1;
	t->regs = *regs;
}

void hd_capture_anew(struct hd_capture *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		c->at[i].is_old = c->at[i].how != HD_HOW_UNKNOWN;
	c->wants_maps = c->wants_born = true;
}

static struct hd_captured *add_born(struct hd_capture *c, int32_t tid)
{
	if (c->n == c->cap) {
		struct hd_captured *rows = HD_NEW_N(c->arena, (size_t)c->cap * 2, struct hd_captured);
		memcpy(rows, c->at, c->n * sizeof(*rows));
		c->at = rows;
		c->cap *= 2;
	}
	c->at[c->n] = (struct hd_captured){.tid = tid, .nr = -1};
	return &c->at[c->n++];
}

void hd_capture_stopped(void *capture, int32_t tid, const struct hd_regs *regs)
{
	struct hd_capture *c = capture;
	struct hd_captured *t = (struct hd_captured *)hd_capture_find(c, tid);
	if (c->wants_maps)
		read_maps(c);
	if (t == NULL && c->wants_born)
		t = add_born(c, tid);
	if (t != NULL && hd_captured_is_missing(t))
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
	if (hd_capture_missing(c) == 0)
		return 0;
	s.pending = calloc(c->n, sizeof(*s.pending));
	if (s.pending == NULL)
		abort();
	int r = hd_thread_start(&thread, stopper_run, &s);
	if (r == 0)
		pthread_join(thread, NULL);
	free(s.pending);
	if (r < 0)
		return r;
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
