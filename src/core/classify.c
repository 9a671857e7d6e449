#include <string.h>

#include "hangdog/wait.h"

#define SIGNAL_BIT(n) (UINT64_C(1) << ((n)-1))
/* The C library's own (NPTL cancellation and setxid): they carry no news for the program. */
#define SIGNALS_LIBC (SIGNAL_BIT(32) | SIGNAL_BIT(33))
#define SIGNALS_IO (SIGNAL_BIT(23) | SIGNAL_BIT(29)) /* SIGURG, SIGIO: sent for a descriptor, F_SETOWN is not in /proc */

/* What a descriptor is, decides what a read of it waits for. */
static const enum hd_wait_kind kind_of_object[HD_OBJ_COUNT] = {
	[HD_OBJ_OTHER] = HD_WAIT_OTHER,	   [HD_OBJ_PIPE] = HD_WAIT_PIPE,	 [HD_OBJ_FIFO] = HD_WAIT_PIPE,
	[HD_OBJ_UNIX] = HD_WAIT_SOCKET,	   [HD_OBJ_TCP] = HD_WAIT_SOCKET,	 [HD_OBJ_SOCKET] = HD_WAIT_SOCKET,
	[HD_OBJ_EVENTFD] = HD_WAIT_EVENTFD, [HD_OBJ_EPOLL] = HD_WAIT_EPOLL,	 [HD_OBJ_TIMERFD] = HD_WAIT_TIMER,
	[HD_OBJ_SIGNALFD] = HD_WAIT_SIGNAL, [HD_OBJ_PIDFD] = HD_WAIT_OTHER,	 [HD_OBJ_INOTIFY] = HD_WAIT_OTHER,
	[HD_OBJ_TTY] = HD_WAIT_TTY,	   [HD_OBJ_FILE] = HD_WAIT_DISK,	 [HD_OBJ_SHM] = HD_WAIT_OTHER,
	[HD_OBJ_FILELOCK] = HD_WAIT_FILELOCK, [HD_OBJ_SYSV] = HD_WAIT_SYSV,	 [HD_OBJ_DEVICE] = HD_WAIT_DISK,
};

static bool is_socket(enum hd_obj_kind kind)
{
	return kind == HD_OBJ_UNIX || kind == HD_OBJ_TCP || kind == HD_OBJ_SOCKET;
}

static bool is_fd_wait(enum hd_need need)
{
	return need == HD_NEED_FD_READ || need == HD_NEED_FD_WRITE;
}

static enum hd_wait_kind kind_of(const struct hd_snapshot *snap, const struct hd_thread *th, const struct hd_call *call)
{
	if (!th->call_known)
		return th->state == 'R' ? HD_WAIT_NONE : th->state == 'D' ? HD_WAIT_DISK : HD_WAIT_OTHER;
	if (th->state == 'D' && call->need != HD_NEED_VFORK)
		return HD_WAIT_DISK;
	if (is_fd_wait(call->need) && th->n_objects > 0)
		return kind_of_object[snap->objects[th->objects[0]].kind];
	/* Only a hint, and such a wait is never proven: opening a FIFO sleeps in wait_for_partner (fs/pipe.c). */
	if (call->kind == HD_WAIT_DISK && th->wchan != NULL && strstr(th->wchan, "wait_for_partner") != NULL)
		return HD_WAIT_FIFO_OPEN;
	return call->kind;
}

/* Does time end it?  SO_RCVTIMEO and SO_SNDTIMEO are limits that no argument shows. */
static enum hd_tri socket_limit(const struct hd_snapshot *snap, const struct hd_thread *th, const struct hd_call *call)
{
	if (!is_fd_wait(call->need) || th->n_objects == 0)
		return HD_NO;
	const struct hd_object *ob = &snap->objects[th->objects[0]];
	if (!is_socket(ob->kind))
		return HD_NO;
	return call->need == HD_NEED_FD_WRITE ? ob->has_send_timeout : ob->has_recv_timeout;
}

/* ---- why somebody unseen could end the wait: NULL or the first reason ------------------------------------------------ */

static const char *state_outside(const struct hd_thread *th, const struct hd_call *call)
{
	if (th->state == 'T' || th->state == 't')
		return "it is stopped; whoever stopped it can let it go on";
	if (th->state != 'S' && th->state != 'D')
		return "it was not asleep";
	if (!th->call_known)
		return "what it waits for could not be read";
	if (call->outside != NULL)
		return call->outside;
	if (th->state == 'D' && call->need != HD_NEED_VFORK)
		return "the disk, a file system or a driver could answer";
	return NULL;
}

/* Where a thread sleeps inside a call that is not the call's own sleep.  A hint: the names are the kernel's own and may
 * not be readable, so this list only ever opens a wait. */
static const char *sleep_outside(const struct hd_thread *th)
{
	static const struct {
		const char *part, *why;
	} sleeps[] = {{"seccomp", "a seccomp supervisor could answer its system call"},
		      {"userfault", "a userfaultfd handler could give it the memory it needs"},
		      {"fuse", "a FUSE file system could answer"},
		      {"refrigerator", "it is frozen and may be thawed"},
		      {"ptrace_stop", "a debugger stopped it"}};
	for (size_t i = 0; th->wchan != NULL && i < HD_COUNTOF(sleeps); i++) {
		if (strstr(th->wchan, sleeps[i].part) != NULL)
			return sleeps[i].why;
	}
	return NULL;
}

/* Agents that end waits although no thread of ours acts.  Unknown is as bad as yes, but says less to people. */
static const char *agent_outside(const struct hd_proc *pr, enum hd_tri answer)
{
	const struct {
		enum hd_tri fact;
		const char *yes, *unknown;
	} agents[] = {
		{pr->is_frozen, "it is frozen (container paused) and may be thawed", "it is not known whether it is frozen"},
		{pr->is_dumping, "it is writing a core dump", "it is not known whether it is writing a core dump"},
		{pr->has_foreign_tracer, "a debugger is attached and could change anything",
		 "it is not known whether a debugger is attached"},
		{pr->has_io_uring, "its io_uring could wake it when input or output completes",
		 "it is not known whether an io_uring could wake it"},
	};
	for (size_t i = 0; i < HD_COUNTOF(agents); i++) {
		if (agents[i].fact == answer)
			return answer == HD_YES ? agents[i].yes : agents[i].unknown;
	}
	return NULL;
}

/* A handler can end a wait.  Those that an operator would trigger are an assumption (verdict.assumes_no_signal), those
 * that have a source of their own are an outside.  SIGCHLD has known sources, the children: the graph adds them. */
static const char *signal_outside(const struct hd_proc *pr, const struct hd_thread *th)
{
	uint64_t pending = (pr->sig_pending | th->sig_pending) & ~th->sig_blocked;
	uint64_t handled = pr->sig_caught & ~th->sig_blocked & ~SIGNALS_LIBC;
	if (pending != 0)
		return "a signal is about to reach it";
	if (pr->timer_armed == HD_YES)
		return "a timer of its own is armed";
	if (pr->timer_armed != HD_NO && handled != 0)
		return "a timer, a descriptor or a queue of its own may send it a signal that it handles";
	if ((handled & SIGNALS_IO) != 0)
		return "a descriptor may send it a signal (SIGIO or SIGURG) that it handles";
	return NULL;
}

static const char *word_outside(const struct hd_word *word, const struct hd_call *call)
{
	/* futex_waitv has no single word in its arguments: each of its words is compared. */
	bool single = call->futex_addr != 0;
	if (word->mapping == HD_MAPPING_UNKNOWN)
		return "it is not known whether the memory it waits on is shared";
	if (single && (word->addr != call->futex_addr || word->op_private != call->futex_private))
		return "the word that was read is not the one it waits on";
	if (call->futex_pi)
		return NULL;
	if (!word->value_known)
		return "the word it waits on could not be read";
	if (single && word->expected != call->futex_expected)
		return "the word that was read is not the one it waits on";
	if (word->value != word->expected)
		return "the word it waits on has changed already: any nudge would let it go on";
	return NULL;
}

static const char *futex_outside(const struct hd_thread *th, const struct hd_call *call)
{
	if (th->n_words == 0 || (call->futex_addr != 0 && th->n_words != 1))
		return "the word it waits on could not be read";
	for (uint32_t i = 0; i < th->n_words; i++) {
		const char *why = word_outside(&th->words[i], call);
		if (why != NULL)
			return why;
	}
	return NULL;
}

/* clone3 has its flags in memory; that it waits for a vfork child is told by where it sleeps. */
static const char *vfork_outside(const struct hd_thread *th, const struct hd_call *call)
{
	static const char *const sleeps[] = {"kernel_clone", "_do_fork", "do_fork", "wait_for_vfork_done"};
	if (strcmp(call->name, "clone3") != 0 || (th->wchan != NULL && hd_begins_with_any(th->wchan, sleeps, HD_COUNTOF(sleeps))))
		return NULL;
	return "it is not known whether it waits for a child that shares its memory";
}

static const char *need_outside(const struct hd_thread *th, const struct hd_call *call, enum hd_tri limit)
{
	if (th->has_timeout == HD_UNKNOWN)
		return "it is not known whether its wait has a time limit";
	if (limit == HD_UNKNOWN)
		return "it is not known whether the socket has a time limit";
	if (call->need == HD_NEED_FUTEX)
		return futex_outside(th, call);
	if (call->need == HD_NEED_VFORK)
		return vfork_outside(th, call);
	return NULL;
}

static const char *first_outside(const struct hd_proc *pr, const struct hd_thread *th, const struct hd_call *call,
				 enum hd_tri limit)
{
	const char *why = state_outside(th, call);
	if (why == NULL)
		why = sleep_outside(th);
	if (why == NULL)
		why = agent_outside(pr, HD_YES);
	if (why == NULL)
		why = signal_outside(pr, th);
	if (why == NULL)
		why = need_outside(th, call, limit);
	if (why == NULL)
		why = agent_outside(pr, HD_UNKNOWN);
	return why;
}

/* wait4(pid, ...) and waitid(idtype, id, ...). */
static void child_of(const struct hd_thread *th, const struct hd_call *call, struct hd_wait *w)
{
	bool is_waitid = strcmp(call->name, "waitid") == 0;
	static const int32_t any = -1;
	w->child_idtype = is_waitid ? (uint32_t)th->args[0] : 0;
	if (!is_waitid)
		w->child_pid = (int32_t)(uint32_t)th->args[0];
	else
		w->child_pid = w->child_idtype == 1 ? (int32_t)(uint32_t)th->args[1] : any;
}

struct hd_wait hd_classify(const struct hd_snapshot *snap, uint32_t t, struct hd_arena *arena HD_UNUSED)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_proc *pr = &snap->procs[th->proc];
	static const uint64_t no_args[HD_ARGS];
	struct hd_call call = th->call_known ? hd_call_decode(th->abi, th->nr, th->args, th->was_restart)
					     : hd_call_decode(HD_ABI_UNKNOWN, -1, no_args, false);
	enum hd_tri limit = socket_limit(snap, th, &call);
	struct hd_wait w = {.kind = kind_of(snap, th, &call), .syscall = call.name, .timeout_ns = -1};
	w.has_deadline = th->call_known && (!call.is_unbounded || th->has_timeout == HD_YES || limit == HD_YES);
	if (w.has_deadline)
		w.timeout_ns = call.timeout_ms >= 0 ? call.timeout_ms * HD_NS_PER_MS : th->timeout_ns;
	if (call.need == HD_NEED_CHILDREN)
		child_of(th, &call, &w);
	w.outside = first_outside(pr, th, &call, limit);
	return w;
}
