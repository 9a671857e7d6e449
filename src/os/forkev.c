/* The collecting half of fork evidence: everything here runs while a tracee waits for us, so it reads little and
 * decides nothing.  Resolving is stack/forkev_resolve.c.
 *
 * Layout fact: struct pthread of glibc (2.27 to 2.43, x86-64, nptl/descr.h and sysdeps/x86_64/nptl/tls.h): pointers to
 * itself at +0 and +16, kernel thread id at +720; it lies at the upper end of the thread's stack mapping. */
#include "hangdog/forkev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "hangdog/clock.h"
#include "hangdog/procfs.h"
#include "hangdog/vec.h"
#include "os/birth_words.h"
#include "os/arch.h"
#include "os/procfile.h"
#include "parse/tcb.h"

#define STACK_KEEP ((size_t)64 << 10)
#define STACK_KEEP_ALONE ((size_t)4 << 10) /* single-threaded parent; above it the child's own copy mostly stays as it was */
#define PARENTS 16u
#define THREADS_MAX 4096u
#define LINES_OPEN_MAX 128u /* over all parents */
#define PROOF_BYTES ((size_t)2048) /* of a stack, from SP up, that are compared to tell whether its thread moved */

struct interpreter { /* shared by a process and those that it forks: same addresses */
	struct hd_python *py; /* NULL: looked, none there */
	size_t n_maps;        /* when it was looked for; more mappings, and it may have been loaded since */
	uint32_t users;
};

struct seat { /* a thread of a parent */
	int32_t tid;
	uint64_t tls;  /* where its control block is, 0 = not known */
	int line_fd;   /* /proc/PID/task/TID/syscall, -1 = not kept open */
};

/* What forks once, forks again: opening these costs as much as all the rest. */
struct parent {
	int32_t pid; /* 0 = free */
	int task_fd; /* /proc/PID/task, for its number of links */
	int mem_fd;
	HD_VEC(struct seat) seats; /* of its threads, as the last fork found them; by tid */
};

struct hd_forkev {
	struct parent parents[PARENTS];
	uint32_t next_parent; /* to be replaced */
	uint32_t n_lines;     /* kept open, of all seats */
	bool wants_holds;
	struct hd_birth_words words;
	HD_VEC(struct known { int32_t pid; struct interpreter *in; }) known;
};

struct hd_forkev *hd_forkev_new(void)
{
	struct hd_forkev *ctx = calloc(1, sizeof(*ctx));
	if (ctx == NULL)
		abort();
	return ctx;
}

void hd_forkev_watch(struct hd_forkev *ctx, const struct hd_lock *lock, const struct hd_word *word)
{
	hd_birth_words_add(&ctx->words, lock, word);
}

static int by_tid(const void *a, const void *b)
{
	int32_t x = ((const struct seat *)a)->tid, y = ((const struct seat *)b)->tid;
	return (x > y) - (x < y);
}

static struct seat *seat_find(const struct parent *p, int32_t tid)
{
	struct seat key = {.tid = tid};
	return p->seats.n > 0 ? bsearch(&key, p->seats.at, p->seats.n, sizeof(key), by_tid) : NULL;
}

static void seat_close(struct hd_forkev *ctx, struct seat *seat)
{
	ctx->n_lines -= seat->line_fd >= 0;
	hd_close_fd(&seat->line_fd);
	seat->line_fd = -1;
}

/* A seat for each of these threads, and for no other. */
static void seats_renew(struct hd_forkev *ctx, struct parent *p, const struct hd_fork *fork)
{
	struct parent fresh = {0};
	for (uint32_t i = 0; i < fork->n_others; i++) {
		struct seat *old = seat_find(p, fork->others[i].tid);
		HD_VEC_PUSH(&fresh.seats, old != NULL ? *old : (struct seat){.tid = fork->others[i].tid, .line_fd = -1});
		if (old != NULL)
			old->line_fd = -1; /* taken over */
	}
	for (size_t i = 0; i < p->seats.n; i++)
		seat_close(ctx, &p->seats.at[i]);
	HD_VEC_RELEASE(&p->seats);
	if (fresh.seats.n > 1)
		qsort(fresh.seats.at, fresh.seats.n, sizeof(*fresh.seats.at), by_tid);
	memcpy(&p->seats, &fresh.seats, sizeof(p->seats));
}

static void parent_close(struct hd_forkev *ctx, struct parent *p)
{
	if (p->pid == 0)
		return;
	hd_close_fd(&p->task_fd);
	hd_close_fd(&p->mem_fd);
	for (size_t i = 0; i < p->seats.n; i++)
		seat_close(ctx, &p->seats.at[i]);
	HD_VEC_RELEASE(&p->seats);
	p->pid = 0;
}

static struct parent *parent_find(struct hd_forkev *ctx, int32_t pid)
{
	for (size_t i = 0; i < PARENTS; i++)
		if (ctx->parents[i].pid == pid)
			return &ctx->parents[i];
	return NULL;
}

static struct parent *parent_open(struct hd_forkev *ctx, int32_t pid)
{
	struct parent *p = parent_find(ctx, pid);
	char path[64];
	if (p == NULL)
		p = &ctx->parents[ctx->next_parent++ % PARENTS];
	parent_close(ctx, p);
	p->pid = pid;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	p->task_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	p->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
	return p;
}

static void interpreter_put(struct interpreter *in)
{
	if (--in->users != 0)
		return;
	hd_python_free(in->py);
	free(in);
}

void hd_forkev_free(struct hd_forkev *ctx)
{
	if (ctx == NULL)
		return;
	for (size_t i = 0; i < PARENTS; i++)
		parent_close(ctx, &ctx->parents[i]);
	for (size_t i = 0; i < ctx->known.n; i++)
		interpreter_put(ctx->known.at[i].in);
	HD_VEC_RELEASE(&ctx->known);
	free(ctx);
}

static void forget_interpreter(struct hd_forkev *ctx, int32_t pid)
{
	for (size_t i = 0; i < ctx->known.n; i++) {
		if (ctx->known.at[i].pid != pid)
			continue;
		interpreter_put(ctx->known.at[i].in);
		ctx->known.at[i] = ctx->known.at[--ctx->known.n];
		return;
	}
}

void hd_forkev_want_holds(struct hd_forkev *ctx)
{
	ctx->wants_holds = true;
}

void hd_forkev_drop(struct hd_forkev *ctx, int32_t pid)
{
	struct parent *p = parent_find(ctx, pid);
	if (p != NULL)
		parent_close(ctx, p);
	forget_interpreter(ctx, pid);
}

static struct interpreter *interpreter_of(const struct hd_forkev *ctx, int32_t pid)
{
	for (size_t i = 0; i < ctx->known.n; i++) {
		HD_ASSERT(ctx->known.at[i].in->users > 0);
		if (ctx->known.at[i].pid == pid)
			return ctx->known.at[i].in;
	}
	return NULL;
}

static void remember(struct hd_forkev *ctx, int32_t pid, struct interpreter *in)
{
	in->users++; /* first: it may be what is remembered already */
	forget_interpreter(ctx, pid);
	HD_VEC_PUSH(&ctx->known, (struct known){pid, in});
}

static struct hd_python *python_known(struct hd_forkev *ctx, int32_t parent, int32_t child)
{
	struct interpreter *in = interpreter_of(ctx, parent);
	if (in == NULL || in->py == NULL)
		return NULL;
	remember(ctx, child, in);
	return in->py;
}

/* The interpreter in the parent, read through the child: both have the same addresses. */
static struct hd_python *python_of(struct hd_forkev *ctx, int32_t parent, int32_t child, struct hd_mem *mem,
				   const struct hd_maps *maps)
{
	struct interpreter *in = interpreter_of(ctx, parent);
	if (in == NULL || (in->py == NULL && in->n_maps != maps->n)) {
		struct hd_elf_live elf;
		hd_elf_live_init(&elf, child);
		in = calloc(1, sizeof(*in));
		if (in == NULL)
			abort();
		in->n_maps = maps->n;
		if (hd_python_find(mem, maps, &elf.port, &in->py) < 0)
			in->py = NULL;
		hd_elf_live_close(&elf);
		remember(ctx, parent, in);
	}
	remember(ctx, child, in);
	return in->py;
}

/* ---- while the parent stands ------------------------------------------------------------------------------------------ */

/* One link per thread on top of the directory's two: fs/proc/base.c, proc_task_getattr.  0 = gone. */
static uint32_t threads_of(const struct parent *p)
{
	struct stat st;
	return p->task_fd >= 0 && fstat(p->task_fd, &st) == 0 && st.st_nlink > 2 ? (uint32_t)(st.st_nlink - 2) : 0;
}

/* Parent and newborn have the same bytes there. */
static void copy_stack(struct hd_fork_raw *raw, int mem_fd, size_t max, struct hd_arena *arena)
{
	uint8_t bytes[STACK_KEEP];
	ssize_t n = mem_fd >= 0 ? pread(mem_fd, bytes, max, (off_t)raw->regs.sp) : -1;
	if (n <= 0)
		return;
	raw->stack_addr = raw->regs.sp;
	raw->stack = hd_arena_dup(arena, bytes, (size_t)n);
	raw->stack_len = (size_t)n;
}

struct other_scan {
	int32_t pid, forker;
	HD_VEC(int32_t) tids;
};

static int other_add(void *ctx, int32_t tid)
{
	struct other_scan *scan = ctx;
	if (tid != scan->forker && scan->tids.n < THREADS_MAX)
		HD_VEC_PUSH(&scan->tids, tid);
	return 0;
}

/* The line of a thread; its file stays open for the next fork while there are not too many. */
static ssize_t read_line(struct hd_forkev *ctx, const struct parent *p, int32_t tid, char *text, size_t cap)
{
	struct seat *seat = seat_find(p, tid);
	ssize_t n = seat != NULL && seat->line_fd >= 0 ? hd_procfile_pread(seat->line_fd, text, cap) : 0;
	if (n > 0)
		return n;
	if (n < 0)
		seat_close(ctx, seat); /* of an older thread with that number */
	HD_CLEAN_FD int fd = hd_procfile_task_open(p->task_fd, tid, "syscall");
	n = fd < 0 ? fd : hd_procfile_pread(fd, text, cap);
	if (n > 0 && seat != NULL && ctx->n_lines < LINES_OPEN_MAX) {
		ctx->n_lines++;
		seat->line_fd = fd;
		fd = -1; // NOLINT(clang-analyzer-deadcode.DeadStores): its cleanup reads it
	}
	return n;
}

/* Where a blocked thread stands; one that runs shows nothing.  It may have moved since the fork: see other_moved. */
static void other_place(struct hd_forkev *ctx, struct hd_fork_other *other, struct hd_fork_raw_other *raw, const struct parent *p)
{
	char text[256];
	struct hd_syscall call;
	other->nr = -1;
	if (read_line(ctx, p, other->tid, text, sizeof(text)) <= 0 || hd_syscall_parse(text, &call) < 0 ||
	    call.form == HD_SYSCALL_RUNNING)
		return;
	other->how = HD_HOW_BLOCKED;
	other->sp = call.sp;
	other->pc = call.pc;
	raw->regs.sp = call.sp;
	raw->regs.pc = call.pc;
	if (call.form == HD_SYSCALL_NUMERIC) {
		other->nr = call.nr;
		memcpy(other->args, call.args, sizeof(other->args));
	}
}

static void list_others(struct hd_fork *fork, struct hd_fork_raw *raw, struct hd_arena *arena)
{
	struct other_scan scan = {.pid = fork->parent_pid, .forker = fork->parent_tid};
	if (hd_procfile_numbers(other_add, &scan, "/proc/%d/task", fork->parent_pid) == 0 && scan.tids.n > 0) {
		fork->n_others = (uint32_t)scan.tids.n;
		fork->others = HD_NEW_N(arena, scan.tids.n, struct hd_fork_other);
		raw->others = HD_NEW_N(arena, scan.tids.n, struct hd_fork_raw_other);
		for (uint32_t i = 0; i < fork->n_others; i++) {
			fork->others[i].tid = scan.tids.at[i];
			fork->others[i].nr = -1;
		}
	}
	HD_VEC_RELEASE(&scan.tids);
}

static void read_places(struct hd_forkev *ctx, struct hd_fork *fork, struct hd_fork_raw *raw, struct parent *p)
{
	seats_renew(ctx, p, fork);
	for (uint32_t i = 0; i < fork->n_others; i++)
		other_place(ctx, &fork->others[i], &raw->others[i], p);
}

struct hd_fork *hd_forkev_collect(struct hd_forkev *ctx, enum hd_evidence level, int32_t parent_pid, int32_t parent_tid,
				  struct hd_arena **ret_arena)
{
	struct user_regs_struct regs = {0};
	/* Of a 32-bit program no stack is kept, but who else was there is. */
	int r = level != HD_EVIDENCE_OFF ? hd_arch_read(parent_tid, &regs) : -ENODATA;
	if (r < 0 && r != -ENOSYS)
		return NULL;
	int64_t now_ns = hd_now_real_ns();
	struct parent *p = parent_find(ctx, parent_pid);
	uint32_t n_threads = p != NULL ? threads_of(p) : 0;
	if (n_threads == 0) { /* not open yet, or its number was given to another process */
		p = parent_open(ctx, parent_pid);
		n_threads = threads_of(p);
	}
	struct hd_arena *arena = hd_arena_new();
	struct hd_fork *fork = HD_NEW(arena, struct hd_fork);
	struct hd_fork_raw *raw = HD_NEW(arena, struct hd_fork_raw);
	*fork = (struct hd_fork){.time_ns = now_ns, .is_seen = true, .parent_pid = parent_pid,
				 .parent_tid = parent_tid, .parent_threads = n_threads, .raw = raw};
	if (r == 0) {
		raw->regs = hd_arch_regs(&regs);
		raw->tls = hd_arch_tls(&regs);
	}
	if (fork->parent_threads != 1)
		list_others(fork, raw, arena);
	if (level == HD_EVIDENCE_FULL)
		read_places(ctx, fork, raw, p); /* before they are stopped: then those that had not moved are known */
	if (fork->n_others == 0)
		copy_stack(raw, p->mem_fd, STACK_KEEP_ALONE, arena);
	if (fork->n_others == 0 && raw->stack_len == 0) /* the memory behind the descriptor was replaced by an exec */
		copy_stack(raw, parent_open(ctx, parent_pid)->mem_fd, STACK_KEEP_ALONE, arena);
	*ret_arena = arena;
	return fork;
}

void hd_forkev_add_regs(struct hd_fork *fork, int32_t tid, const struct hd_regs *regs, bool is_approximate)
{
	struct hd_fork_raw *raw = (struct hd_fork_raw *)fork->raw;
	for (uint32_t i = 0; raw != NULL && i < fork->n_others; i++) {
		struct hd_fork_other *other = &fork->others[i];
		if (other->tid != tid)
			continue;
		/* A thread that has not moved since the fork: its registers are those of the fork. */
		other->is_approximate = is_approximate && !(other->how == HD_HOW_BLOCKED && other->sp == regs->sp);
		other->how = HD_HOW_STOPPED;
		other->sp = regs->sp;
		other->pc = regs->pc;
		raw->others[i].regs = *regs;
	}
}

/* ---- while the child stands -------------------------------------------------------------------------------------------- */

/* The newborn has the stack as it was at the fork, the parent as it is now: a thread for which the two differ has moved
 * meanwhile, so where it is now says nothing of the fork. */
static bool other_moved(const struct hd_fork_raw_other *raw, int parent_fd, int child_fd)
{
	uint8_t now[PROOF_BYTES], then[PROOF_BYTES];
	ssize_t n = pread(parent_fd, now, sizeof(now), (off_t)raw->regs.sp);
	return n <= 0 || pread(child_fd, then, (size_t)n, (off_t)raw->regs.sp) != n || memcmp(now, then, (size_t)n) != 0;
}

static void drop_moved(struct hd_fork *fork, struct hd_fork_raw *raw, int parent_fd, int child_fd)
{
	for (uint32_t i = 0; i < fork->n_others; i++) {
		struct hd_fork_other *other = &fork->others[i];
		if (other->how != HD_HOW_BLOCKED || !other_moved(&raw->others[i], parent_fd, child_fd))
			continue;
		*other = (struct hd_fork_other){.tid = other->tid, .ns_tid = other->ns_tid, .nr = -1};
		raw->others[i] = (struct hd_fork_raw_other){0};
	}
}

/* Thread ids as memory has them are those of the innermost PID namespace. */
static void ns_tids(struct hd_fork *fork)
{
	struct hd_task_status status;
	fork->parent_ns_tid = fork->parent_tid;
	if (hd_procfile_status(fork->parent_pid, fork->parent_tid, &status) == 0 && status.ns_tid != 0)
		fork->parent_ns_tid = status.ns_tid;
	bool same = fork->parent_ns_tid == fork->parent_tid;
	for (uint32_t i = 0; i < fork->n_others; i++) {
		struct hd_fork_other *other = &fork->others[i];
		other->ns_tid = other->tid;
		if (!same && hd_procfile_status(fork->parent_pid, other->tid, &status) == 0)
			other->ns_tid = status.ns_tid;
	}
}

/* Control blocks stay where they are for a thread's life: true if all are where the last fork found them. */
static bool recall_tcbs(struct hd_fork *fork, const struct parent *p, struct hd_mem *mem)
{
	bool all = true;
	for (uint32_t i = 0; i < fork->n_others; i++) {
		const struct seat *seat = seat_find(p, fork->others[i].tid);
		int32_t tid;
		if (seat != NULL && seat->tls != 0 && hd_tcb_read(mem, seat->tls, &tid) && tid == fork->others[i].ns_tid)
			fork->others[i].tls = seat->tls;
		else
			all = false;
	}
	return all;
}

static void match_tcbs(struct hd_fork *fork, struct hd_mem *mem, const struct hd_maps *maps, struct hd_arena *arena)
{
	struct hd_tcbs tcbs = hd_tcbs_find(mem, maps, fork->n_others, arena);
	for (uint32_t i = 0; i < fork->n_others; i++)
		for (uint32_t k = 0; k < tcbs.n; k++)
			if (tcbs.at[k].tid != 0 && tcbs.at[k].tid == fork->others[i].ns_tid)
				fork->others[i].tls = tcbs.at[k].addr;
}

static void note_seats(const struct hd_fork *fork, struct parent *p)
{
	for (uint32_t i = 0; i < fork->n_others; i++) {
		struct seat *seat = seat_find(p, fork->others[i].tid);
		if (seat != NULL)
			seat->tls = fork->others[i].tls;
	}
}

static bool is_thread(const struct hd_py_thread *thread, uint64_t tls, int32_t ns_tid)
{
	return tls != 0 ? thread->thread_id == tls : thread->native_tid != 0 && thread->native_tid == ns_tid;
}

static void take_python(struct hd_fork *fork, struct hd_fork_raw *raw, const struct hd_py_threads *threads, struct hd_arena *arena)
{
	for (uint32_t t = 0; t < threads->n; t++) {
		const struct hd_py_thread *thread = &threads->at[t];
		bool placed = false;
		for (uint32_t i = 0; i < fork->n_others && !placed; i++) {
			struct hd_fork_other *other = &fork->others[i];
			placed = is_thread(thread, other->tls, other->ns_tid);
			if (!placed)
				continue;
			raw->others[i].python = other->stack = thread->stack;
			other->tls = thread->thread_id;
			if (thread->name != NULL)
				other->name = hd_arena_str(arena, thread->name);
			if (other->how == HD_HOW_UNKNOWN)
				other->how = HD_HOW_PYTHON;
		}
		if (!placed && is_thread(thread, raw->tls, fork->parent_ns_tid))
			raw->python = fork->stack = thread->stack;
	}
}

static void take_holds(struct hd_fork *fork, const struct hd_py_threads *threads, struct hd_python *py, struct hd_mem *mem,
		       struct hd_arena *arena)
{
	for (uint32_t i = 0; i < fork->n_others; i++) {
		for (uint32_t t = 0; t < threads->n; t++) {
			if (is_thread(&threads->at[t], fork->others[i].tls, fork->others[i].ns_tid))
				fork->others[i].holds = hd_python_locks_held(py, mem, &threads->at[t], arena);
		}
	}
}

/* The mappings cost as much as all else; they are needed for what the forks before did not tell. */
static struct hd_python *find_all(struct hd_forkev *ctx, struct hd_fork *fork, int32_t child, struct hd_mem *mem)
{
	struct parent *p = parent_find(ctx, fork->parent_pid);
	struct hd_python *py = python_known(ctx, fork->parent_pid, child);
	struct hd_maps maps;
	if (p != NULL && recall_tcbs(fork, p, mem) && py != NULL)
		return py;
	struct hd_arena *scratch = hd_arena_new();
	if (hd_procfs_maps(child, scratch, &maps) == 0) {
		match_tcbs(fork, mem, &maps, scratch);
		py = python_of(ctx, fork->parent_pid, child, mem, &maps);
		if (p != NULL)
			note_seats(fork, p);
	}
	hd_arena_free(scratch);
	return py;
}

void hd_forkev_birth(struct hd_forkev *ctx, enum hd_evidence level, struct hd_fork *fork, struct hd_arena *arena, int32_t child)
{
	struct hd_fork_raw *raw = (struct hd_fork_raw *)fork->raw;
	struct hd_mem_live live;
	struct hd_py_threads threads;
	fork->parent_ns_tid = fork->parent_tid;
	if (raw == NULL || fork->n_others == 0)
		return;
	struct parent *p = parent_find(ctx, fork->parent_pid);
	if (level != HD_EVIDENCE_FULL && p != NULL)
		read_places(ctx, fork, raw, p);
	ns_tids(fork);
	if (hd_mem_live_open(&live, child) < 0)
		return;
	if (level != HD_EVIDENCE_FULL && p != NULL)
		drop_moved(fork, raw, p->mem_fd, live.fd);
	copy_stack(raw, live.fd, STACK_KEEP, arena);
	hd_birth_words_read(&ctx->words, &live.mem, raw, arena);
	struct hd_python *py = find_all(ctx, fork, child, &live.mem);
	if (py != NULL && hd_python_threads(py, &live.mem, arena, &threads) == 0) {
		take_python(fork, raw, &threads, arena);
		if (ctx->wants_holds)
			take_holds(fork, &threads, py, &live.mem, arena);
	}
	hd_mem_live_close(&live);
}

void hd_forkev_names(struct hd_fork *fork, struct hd_arena *arena)
{
	for (uint32_t i = 0; i < fork->n_others; i++) {
		struct hd_fork_other *other = &fork->others[i];
		char text[64];
		ssize_t n = other->name != NULL ? 0 :
			hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/comm", fork->parent_pid, other->tid);
		if (n > 1)
			other->name = hd_arena_strn(arena, text, (size_t)n - 1); /* without the newline */
	}
}
