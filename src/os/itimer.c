/* One getitimer, made by a thread of the target in place of its own call.
 *
 * Stopped by PTRACE_INTERRUPT the thread stands on its way out of a system call, with one of the kernel's restart codes in
 * rax (include/linux/errno.h).  We set the registers for the other call, at an instruction `syscall` of the C library's
 * text (nothing is written to code), let it in and out (PTRACE_SYSCALL: two stops that touch no signal, unlike a single
 * step, whose SIGTRAP would change a mask that blocks it), put the registers back as they were, and make it pass the same
 * kind of stop once more, so that the kernel itself decides how its own call goes on (arch/x86/kernel/signal.c,
 * arch_do_signal_or_restart).
 *
 * hangdog may be killed in between; the kernel then lets the thread run on as it stands.  So it stands where it finds its
 * way back alone: the other call is followed by `ret`, which leads to the C library's __restore_rt, and that takes all
 * registers and the signal mask from a signal frame that was laid in the dead part of the stack, to start its own call
 * again.  Only the floating point state is the initial one after that.  Where the text has no such places (other
 * runtimes), nobody is asked. */
#include "hangdog/itimers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/ucontext.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "hangdog/clock.h"
#include "hangdog/procfs.h"
#include "hangdog/waitstatus.h"
#include "os/arch.h"
#include "os/procfile.h"
#include "os/tracer_priv.h"

#if defined(__x86_64__)
enum {
	STOP_MS = 50,
	SETTLE_MS = 500,
	NR_GETITIMER = 36,
	CS_64 = 0x33,
	CALL_LEN = 2,         /* 0f 05 */
	AREA_BELOW_SP = 1024, /* far below the 128 bytes that are still in use (System V ABI of x86-64, 3.2.2) */
	TEXT_MAX = 8 << 20,
	WINDOW = 64 << 10,
	STOP_CALL = SIGTRAP | 0x80, /* PTRACE_O_TRACESYSGOOD */
};
/* ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND; not ERESTART_RESTARTBLOCK, which is no restart but another call. */
#define RESTART_FIRST 512u
#define RESTART_LAST 514u

struct itimer { /* struct __kernel_old_itimerval */
	int64_t every_s, every_us, left_s, left_us;
};

/* What rt_sigreturn takes (struct rt_sigframe of arch/x86/include/asm/sigframe.h, as far as it reads): the C library's
 * ucontext_t begins as the kernel's struct ucontext does, whose mask has 64 bits. */
#define FRAME_LEN (sizeof(uint64_t) + offsetof(ucontext_t, uc_sigmask) + sizeof(uint64_t))
#define UC_FLAGS 6u /* UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS */
#define NO_SUCH_FLAGS 0x7fff /* of a signal stack: refused, and the one that is stays (restore_altstack) */

/* In the dead part of the stack. */
struct area {
	uint64_t back; /* where `ret` goes: __restore_rt */
	unsigned char context[FRAME_LEN - sizeof(uint64_t)];
	struct itimer answer;
};

struct asking {
	struct hd_tracer *t;
	const struct hd_itimer_ask *ask;
	int64_t *left_ns;
	int mem;
	uint64_t area, call_site, restorer; /* addresses in the target */
	struct user_regs_struct was;
	int32_t late; /* what the thread reported in the middle of it: to be answered at the end, 0 = nothing */
	int result;   /* -ETIME until the thread stood */
};

static int set_regs(int32_t tid, struct user_regs_struct *regs)
{
	struct iovec iov = {regs, sizeof(*regs)};
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov) == 0 ? 0 : -errno;
}

/* Resumes it and waits for the stop that must come.  Only a freezer could keep it from coming, and who is frozen is not
 * asked.  Something else came: it is kept in `late`. */
static int resume_until(struct asking *s, enum __ptrace_request how, int expected)
{
	int status;
	pid_t r;
	if (ptrace(how, s->ask->tid, 0L, 0L) != 0)
		return -errno;
	do
		r = waitpid(s->ask->tid, &status, __WALL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (WIFSTOPPED(status) && status >> 8 == expected)
		return 0;
	s->late = status;
	return WIFSTOPPED(status) ? -ECANCELED : -ESRCH;
}

/* ---- the call ---------------------------------------------------------------------------------------------------------- */

static bool write_area(const struct asking *s, const struct area *area)
{
	return pwrite(s->mem, area, sizeof(*area), (off_t)s->area) == (ssize_t)sizeof(*area);
}

/* The way back without us: everything as it was, about to make its own call. */
static bool lay_frame(const struct asking *s)
{
	struct area area = {.back = s->restorer};
	const struct user_regs_struct *r = &s->was;
	ucontext_t uc = {.uc_flags = UC_FLAGS, .uc_stack.ss_flags = NO_SUCH_FLAGS};
	const greg_t gregs[NGREG] = {
		[REG_R8] = (greg_t)r->r8,   [REG_R9] = (greg_t)r->r9,	[REG_R10] = (greg_t)r->r10, [REG_R11] = (greg_t)r->r11,
		[REG_R12] = (greg_t)r->r12, [REG_R13] = (greg_t)r->r13, [REG_R14] = (greg_t)r->r14, [REG_R15] = (greg_t)r->r15,
		[REG_RDI] = (greg_t)r->rdi, [REG_RSI] = (greg_t)r->rsi, [REG_RBP] = (greg_t)r->rbp, [REG_RBX] = (greg_t)r->rbx,
		[REG_RDX] = (greg_t)r->rdx, [REG_RAX] = (greg_t)r->orig_rax, [REG_RCX] = (greg_t)r->rcx, [REG_RSP] = (greg_t)r->rsp,
		[REG_RIP] = (greg_t)(r->rip - CALL_LEN), [REG_EFL] = (greg_t)r->eflags,
		[REG_CSGSFS] = (greg_t)(r->cs | r->ss << 48),
	};
	memcpy(uc.uc_mcontext.gregs, gregs, sizeof(gregs));
	if (ptrace(PTRACE_GETSIGMASK, s->ask->tid, sizeof(uint64_t), &uc.uc_sigmask) != 0)
		return false;
	memcpy(area.context, &uc, sizeof(area.context));
	return write_area(s, &area);
}

static int call_once(struct asking *s, unsigned which)
{
	struct user_regs_struct regs = s->was;
	struct itimer answer;
	uint64_t at = s->area + offsetof(struct area, answer);
	regs.rip = s->call_site;
	regs.rsp = s->area;
	regs.rax = NR_GETITIMER;
	regs.orig_rax = UINT64_MAX; /* in no call: nothing to start again */
	regs.rdi = which;
	regs.rsi = at;
	int r = set_regs(s->ask->tid, &regs);
	if (r == 0)
		r = resume_until(s, PTRACE_SYSCALL, STOP_CALL);
	if (r == 0)
		r = resume_until(s, PTRACE_SYSCALL, STOP_CALL);
	if (r == 0)
		r = hd_arch_read(s->ask->tid, &regs);
	if (r < 0)
		return r;
	if (regs.rax != 0 || regs.rip != s->call_site + CALL_LEN || pread(s->mem, &answer, sizeof(answer), (off_t)at) != (ssize_t)sizeof(answer))
		return -ENOSYS;
	s->left_ns[which] = answer.left_s * HD_NS_PER_S + answer.left_us * HD_NS_PER_US;
	return 0;
}

static int call_all(struct asking *s)
{
	for (unsigned i = 0; i < HD_ITIMERS; i++) {
		int r = (s->ask->which >> i & 1) != 0 ? call_once(s, i) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the thread, while it is stopped ------------------------------------------------------------------------------------- */

static bool is_where_it_should_be(struct asking *s)
{
	const struct hd_itimer_ask *ask = s->ask;
	const struct tracee *e = hd_tracer_find(s->t, ask->tid);
	const struct user_regs_struct *r = &s->was;
	uint64_t start, restart;
	if (e == NULL || e->frozen_signal != 0 || hd_arch_read(ask->tid, &s->was) != 0 ||
	    hd_procfs_start(ask->pid, ask->tid, &start) != 0 || start != ask->start)
		return false;
	restart = (uint64_t)0 - r->rax;
	return hd_arch_call(r) == ask->nr && r->rdi == ask->args[0] && r->rsi == ask->args[1] && r->rdx == ask->args[2] &&
	       r->r10 == ask->args[3] && r->rsp == ask->sp && r->rip == ask->pc && r->cs == CS_64 && restart >= RESTART_FIRST &&
	       restart <= RESTART_LAST;
}

/* Out of the other call and into a stop as the first one, with everything as it was then. */
static void put_back(struct asking *s, const struct area *saved)
{
	int32_t tid = s->ask->tid;
	bool is_gone = s->late != 0 && !WIFSTOPPED(s->late);
	if (is_gone)
		return;
	/* Registers first: until then the frame may be needed. */
	int r = set_regs(tid, &s->was);
	(void)write_area(s, saved);
	ptrace(PTRACE_SETOPTIONS, tid, 0L, s->t->options);
	if (r == 0 && s->late == 0 && ptrace(PTRACE_INTERRUPT, tid, 0L, 0L) == 0)
		(void)resume_until(s, PTRACE_CONT, PTRACE_EVENT_STOP << 8 | SIGTRAP); /* another stop is answered as such */
}

static void on_stopped(void *ctx, int32_t tid, const struct hd_regs *regs)
{
	struct asking *s = ctx;
	struct area saved;
	(void)regs;
	if (tid != s->ask->tid)
		return;
	s->result = -ECANCELED;
	if (!is_where_it_should_be(s) || pread(s->mem, &saved, sizeof(saved), (off_t)s->area) != (ssize_t)sizeof(saved) || !lay_frame(s) ||
	    ptrace(PTRACE_SETOPTIONS, tid, 0L, s->t->options | PTRACE_O_TRACESYSGOOD) != 0)
		return;
	s->result = call_all(s);
	put_back(s, &saved);
	struct tracee *e = hd_tracer_find(s->t, tid);
	if (s->late != 0 && e != NULL) /* not ours to continue now */
		e->is_wanted = e->is_frozen = false;
}

/* ---- before and after ------------------------------------------------------------------------------------------------------ */

struct pattern {
	const uint8_t *bytes;
	size_t len;
	uint64_t *ret; /* 0 until it is found */
};

/* Looks through the text of one mapping, in windows that overlap by more than the longest pattern. */
static void find_patterns(const struct asking *s, const struct hd_map *text, const struct pattern *patterns, size_t n)
{
	enum { OVERLAP = 16 };
	static uint8_t window[WINDOW];
	uint64_t end = text->end - text->start > TEXT_MAX ? text->start + TEXT_MAX : text->end;
	for (uint64_t at = text->start; at < end; at += WINDOW - OVERLAP) {
		size_t want = end - at < WINDOW ? end - at : WINDOW;
		ssize_t got = pread(s->mem, window, want, (off_t)at);
		bool all = true;
		for (size_t i = 0; got > 0 && i < n; i++) {
			const uint8_t *hit = *patterns[i].ret == 0 ? memmem(window, (size_t)got, patterns[i].bytes, patterns[i].len) : NULL;
			*patterns[i].ret = hit != NULL ? at + (uint64_t)(hit - window) : *patterns[i].ret;
			all &= *patterns[i].ret != 0;
		}
		if (all || got <= 0)
			return;
	}
}

/* In the text that the thread's own call is made from, which cannot be written to: the instruction before its PC, the two
 * places that are needed, and there is dead stack to lay things in. */
static int find_places(struct asking *s)
{
	static const uint8_t call[CALL_LEN] = {0x0f, 0x05}, call_ret[] = {0x0f, 0x05, 0xc3};			/* syscall; ret */
	static const uint8_t restore[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05}; /* mov $15, %rax; syscall */
	const struct pattern patterns[] = {{call_ret, sizeof(call_ret), &s->call_site}, {restore, sizeof(restore), &s->restorer}};
	uint8_t code[CALL_LEN];
	struct hd_maps maps;
	struct hd_arena *arena = hd_arena_new();
	int r = hd_procfs_maps(s->ask->pid, arena, &maps);
	if (r == 0) {
		s->area = (s->ask->sp - AREA_BELOW_SP) & ~UINT64_C(63);
		const struct hd_map *text = hd_maps_find(&maps, s->ask->pc - CALL_LEN), *stack = hd_maps_find(&maps, s->ask->sp);
		bool is_text = text != NULL && text->readable && text->executable && !text->writable;
		bool is_stack = stack != NULL && stack->readable && stack->writable && !stack->shared && s->area >= stack->start;
		if (is_text && is_stack && pread(s->mem, code, sizeof(code), (off_t)(s->ask->pc - CALL_LEN)) == CALL_LEN &&
		    memcmp(code, call, sizeof(call)) == 0)
			find_patterns(s, text, patterns, HD_COUNTOF(patterns));
		r = s->call_site != 0 && s->restorer != 0 ? 0 : -ENOSYS;
	}
	hd_arena_free(arena);
	return r;
}

static bool is_asleep_there(const struct hd_itimer_ask *ask)
{
	char text[512];
	struct hd_syscall line;
	return hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/syscall", ask->pid, ask->tid) > 0 &&
	       hd_syscall_parse(text, &line) == 0 && line.form == HD_SYSCALL_NUMERIC && line.nr == ask->nr && line.sp == ask->sp &&
	       line.pc == ask->pc && memcmp(line.args, ask->args, sizeof(line.args)) == 0;
}

static bool words_hold(const struct asking *s)
{
	for (uint32_t i = 0; i < s->ask->n_words; i++) {
		const struct hd_word *word = &s->ask->words[i];
		uint32_t now;
		if (pread(s->mem, &now, sizeof(now), (off_t)word->addr) != (ssize_t)sizeof(now) || now != word->value)
			return false;
	}
	return true;
}

/* It runs for a moment until it sleeps again, in its own call: counters that agree around such a line. */
static int wait_until_back(const struct asking *s, uint64_t *ret_voluntary, uint64_t *ret_involuntary)
{
	const struct hd_itimer_ask *ask = s->ask;
	int64_t until = hd_now_ns() + SETTLE_MS * HD_NS_PER_MS;
	struct hd_task_status before, after;
	do {
		if (hd_procfile_status(ask->pid, ask->tid, &before) == 0 && before.state == 'S' && is_asleep_there(ask) && words_hold(s) &&
		    hd_procfile_status(ask->pid, ask->tid, &after) == 0 && after.state == 'S' && after.voluntary == before.voluntary &&
		    after.involuntary == before.involuntary) {
			*ret_voluntary = after.voluntary;
			*ret_involuntary = after.involuntary;
			return 0;
		}
		nanosleep(&(struct timespec){0, 200000}, NULL);
	} while (hd_now_ns() < until);
	return -ECANCELED;
}

static bool may_be_asked(struct hd_tracer *t, const struct hd_itimer_ask *ask)
{
	const struct tracee *e = hd_tracer_find(t, ask->tid);
	struct hd_task_status status;
	return e != NULL && !e->is_ghost && !e->is_held && !e->is_stopped && !e->is_borrowed && e->pid == ask->pid &&
	       hd_procfile_status(ask->pid, ask->tid, &status) == 0 && status.seccomp == 0;
}

static int ask_and_settle(struct asking *s, uint64_t *ret_voluntary, uint64_t *ret_involuntary)
{
	int64_t longest_us;
	int r = find_places(s);
	if (r == 0)
		r = hd_tracer_freeze_thread(s->t, s->ask->pid, s->ask->tid, STOP_MS, on_stopped, s, &longest_us);
	if (s->late != 0)
		hd_tracer_handle(s->t, s->ask->tid, s->late);
	if (r == 0)
		r = s->result;
	return r == 0 ? wait_until_back(s, ret_voluntary, ret_involuntary) : r;
}

int hd_tracer_ask_itimers(struct hd_tracer *t, const struct hd_itimer_ask *ask, int64_t ret_left_ns[3], uint64_t *ret_voluntary,
			  uint64_t *ret_involuntary)
{
	char path[64];
	int64_t left_ns[HD_ITIMERS] = {0};
	if (!may_be_asked(t, ask))
		return -EPERM;
	snprintf(path, sizeof(path), "/proc/%d/mem", ask->pid);
	HD_CLEAN_FD int mem = open(path, O_RDWR | O_CLOEXEC);
	if (mem < 0)
		return -errno;
	struct asking s = {.t = t, .ask = ask, .left_ns = left_ns, .mem = mem, .result = -ETIME};
	int r = ask_and_settle(&s, ret_voluntary, ret_involuntary);
	if (r == 0)
		memcpy(ret_left_ns, left_ns, sizeof(left_ns));
	return r;
}
#else
int hd_tracer_ask_itimers(struct hd_tracer *t, const struct hd_itimer_ask *ask, int64_t ret_left_ns[3], uint64_t *ret_voluntary,
			  uint64_t *ret_involuntary)
{
	(void)t;
	(void)ask;
	(void)ret_left_ns;
	(void)ret_voluntary;
	(void)ret_involuntary;
	return -ENOSYS;
}
#endif
