#include "report_words.h"

#include <inttypes.h>
#include <string.h>

#include "report_stack.h"
#include "section.h"

/* How many of a list are named before "and N more". */
#define NAMED_MAX 4u

static const char *const cause_texts[HD_CAUSE_COUNT] = {
	[HD_CAUSE_INHERITED_LOCK] =
		"Why: a fork copies all memory, locks included, but only the one thread that calls it. A lock that another "
		"thread held at that moment stays locked in the copy, and the thread that would unlock it does not exist there.",
	[HD_CAUSE_MISSING_THREAD] =
		"Why: a fork copies all memory, but only the one thread that calls it. Helper threads (of a thread pool, an event "
		"loop, OpenMP) exist in the parent only. The copy waits for one of them to answer, and none ever will.",
	[HD_CAUSE_DEAD_HOLDER] =
		"Why: whoever held this lock ended without releasing it, so it stays locked for all the others: processes that share "
		"the memory it lies in, or threads of the same process.",
	[HD_CAUSE_LOCK_CYCLE] =
		"Why: each of these threads holds a lock that the next one wants, so none of them can go on. The usual reason: "
		"the same locks are taken in different orders in different places.",
	[HD_CAUSE_SELF_LOCK] =
		"Why: the thread already holds the lock that it wants. A lock of this kind cannot be taken twice, so the thread "
		"waits for itself.",
	[HD_CAUSE_WAIT_CYCLE] =
		"Why: these processes wait for each other in a circle (through pipes, sockets, file locks or the end of a child), "
		"so none of them can make the first move.",
};

static const char forker_text[] =
	"Why: the thread that called fork held this lock itself. In the copy the lock is still locked, but its owner is known "
	"by the number that the thread had before the fork. So the copy, asking for it again, waits for a thread that it was once.";

const char *hd_verdict_why(const struct hd_verdict *v)
{
	if (v->lead != HD_NONE && v->threads[v->lead].owner.state == HD_OWNER_FORKER)
		return forker_text;
	return cause_texts[v->cause];
}

const char *hd_signal_name(int32_t signal)
{
	/* Linux on x86-64 and arm64, include/uapi/asm-generic/signal.h */
	static const char *const names[] = {
		NULL,	   "SIGHUP",  "SIGINT",	 "SIGQUIT", "SIGILL",  "SIGTRAP", "SIGABRT",   "SIGBUS",
		"SIGFPE",  "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM",   "SIGTERM",
		"SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG",
		"SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR",   "SIGSYS",
	};
	return signal > 0 && signal < (int)HD_COUNTOF(names) ? names[signal] : "signal";
}

bool hd_lost_is_told(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t i)
{
	return snap->lost[i].signal > 0 || (v != NULL && v->lost_waiters != NULL && v->lost_waiters[i] != 0);
}

const char *hd_thread_name(const struct hd_thread *thread)
{
	return thread->py_name != NULL ? thread->py_name : thread->name != NULL ? thread->name : "";
}

bool hd_thread_is_leader(const struct hd_snapshot *snap, uint32_t t)
{
	return snap->threads[t].tid == snap->procs[snap->threads[t].proc].pid;
}

void hd_words_proc(const struct hd_proc *proc, struct hd_buf *out)
{
	hd_buf_printf(out, "%" PRId32, proc->pid);
	if (proc->comm != NULL)
		hd_buf_printf(out, " (%s)", proc->comm);
}

void hd_words_thread(const struct hd_snapshot *snap, uint32_t t, struct hd_buf *out)
{
	const struct hd_thread *thread = &snap->threads[t];
	const struct hd_proc *proc = &snap->procs[thread->proc];
	if (!hd_thread_is_leader(snap, t)) {
		hd_buf_printf(out, "thread %" PRId32, thread->tid);
		/* A thread that was never named has its program's name. */
		if (hd_thread_name(thread)[0] != '\0' && (proc->comm == NULL || strcmp(hd_thread_name(thread), proc->comm) != 0))
			hd_buf_printf(out, " \"%s\"", hd_thread_name(thread));
		hd_buf_str(out, " of ");
	}
	hd_words_proc(proc, out);
}

/* As one would type it in a shell. */
static void put_quoted(struct hd_buf *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_";
	bool is_plain = *word != '\0' && word[strspn(word, plain)] == '\0';
	hd_buf_str(out, is_plain ? "" : "'");
	for (const char *p = word; *p != '\0'; p++) {
		if (*p == '\'')
			hd_buf_str(out, "'\\''");
		else
			hd_buf_char(out, *p == '\n' || *p == '\t' ? ' ' : *p); /* a script behind -c, on one line */
	}
	hd_buf_str(out, is_plain ? "" : "'");
}

const char *const *hd_snapshot_command(const struct hd_snapshot *snap)
{
	uint32_t root = hd_snapshot_proc(snap, snap->root);
	bool is_known = snap->command != NULL && snap->command[0] != NULL;
	return is_known || root == HD_NONE ? snap->command : snap->procs[root].argv;
}

void hd_words_command(const char *const *argv, size_t max, struct hd_buf *out)
{
	size_t begin = out->len;
	for (uint32_t i = 0; argv != NULL && argv[i] != NULL && out->len - begin <= max; i++) {
		hd_buf_str(out, i != 0 ? " " : "");
		put_quoted(out, i == 0 && argv[i][0] == '/' ? strrchr(argv[i], '/') + 1 : argv[i]);
	}
	if (out->len - begin <= max)
		return;
	out->len = begin + max;
	while (out->len > begin && ((unsigned char)out->text[out->len] & 0xc0) == 0x80)
		out->len--;
	out->text[out->len] = '\0';
	hd_buf_str(out, "…");
}

/* The code that wants a lock without a name: "push_job (in a.out)", "Pool.put (pool.py:12)". */
static void put_wanted_by(const struct hd_stack *stack, struct hd_buf *out)
{
	const struct hd_frame *f = hd_stack_own(stack), *end = stack->at + stack->n;
	while (f != NULL && f < end && (f->function == NULL || hd_frame_is_runtime(f)))
		f++;
	if (f == NULL || f == end)
		return;
	hd_buf_printf(out, ", wanted by %s", f->function);
	if (f->file != NULL)
		hd_buf_printf(out, " (%s:%d)", hd_path_base(f->file), f->line);
	else if (f->module != NULL)
		hd_buf_printf(out, " (in %s)", hd_path_base(f->module));
}

void hd_words_place(const struct hd_thread *thread, struct hd_buf *out)
{
	const struct hd_lock *lock = &thread->lock;
	bool is_place = lock->kind != HD_LOCK_JOIN && lock->kind != HD_LOCK_TEAM && !hd_lock_is_elsewhere(lock);
	if (!is_place || (lock->name != NULL && lock->variable_address_note == NULL))
		return;
	if (lock->variable_address_note != NULL)
		hd_buf_printf(out, "%s %s", lock->name != NULL ? "," : "", lock->variable_address_note);
	if (lock->name == NULL)
		put_wanted_by(&thread->stack, out);
}

void hd_words_lock(const struct hd_thread *thread, struct hd_buf *out)
{
	if (thread->lock.name != NULL)
		hd_buf_printf(out, "%s, ", thread->lock.name);
	hd_buf_str(out, hd_lock_what(&thread->lock));
	hd_words_place(thread, out);
}

static void put_pid_name(const struct hd_snapshot *snap, int32_t pid, struct hd_buf *out)
{
	uint32_t p = hd_snapshot_proc(snap, pid);
	if (p == HD_NONE)
		hd_buf_printf(out, "%" PRId32, pid);
	else
		hd_words_proc(&snap->procs[p], out);
}

/* wait4 and waitid name the child in their own ways; > 0 only if it is one process. */
static int32_t awaited_pid(const struct hd_wait *wait)
{
	return wait->child_pid > 0 && (wait->child_idtype == 1 || wait->child_idtype == 0) ? wait->child_pid : 0;
}

static const char *object_label(const struct hd_object *object)
{
	return object->label != NULL ? object->label : "something without a name";
}

static void put_futex_object(const struct hd_thread *thread, struct hd_buf *out)
{
	hd_buf_str(out, thread->lock.name != NULL ? thread->lock.name : hd_lock_what(&thread->lock));
	hd_words_place(thread, out);
}

void hd_words_object(const struct hd_snapshot *snap, const struct hd_wait *wait, uint32_t t, struct hd_buf *out)
{
	const struct hd_thread *thread = &snap->threads[t];
	if (wait->kind == HD_WAIT_FUTEX) {
		put_futex_object(thread, out);
	} else if (wait->kind == HD_WAIT_CHILD || wait->kind == HD_WAIT_VFORK) {
		if (awaited_pid(wait) != 0) {
			hd_buf_str(out, "process ");
			put_pid_name(snap, awaited_pid(wait), out);
		} else {
			hd_buf_str(out, "any child process");
		}
	}
	for (uint32_t i = 0; wait->kind != HD_WAIT_FUTEX && i < thread->n_objects; i++) {
		if (i == NAMED_MAX) {
			hd_buf_printf(out, " and %" PRIu32 " more", thread->n_objects - i);
			break;
		}
		hd_buf_printf(out, "%s%s", out->len != 0 ? ", " : "", object_label(&snap->objects[thread->objects[i]]));
	}
}

static void put_owner(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t, struct hd_buf *out)
{
	const struct hd_owner *owner = &v->threads[t].owner;
	switch (owner->state) {
	case HD_OWNER_NONE:
		return;
	case HD_OWNER_SELF:
		hd_buf_str(out, ", which it holds itself");
		return;
	case HD_OWNER_THREAD:
		hd_buf_str(out, snap->threads[t].lock.kind == HD_LOCK_JOIN ? ": " : ", held by ");
		hd_words_thread(snap, owner->thread, out);
		return;
	case HD_OWNER_INHERITED:
		hd_buf_printf(out, ", held by thread %" PRId32, owner->tid);
		if (owner->name != NULL)
			hd_buf_printf(out, " \"%s\"", owner->name);
		hd_buf_str(out, " of its parent, which does not exist in this copy");
		return;
	case HD_OWNER_FORKER:
		hd_buf_str(out, ", taken before the fork by the thread that forked: here it has another number, and so does not own it");
		return;
	case HD_OWNER_DEAD:
		hd_buf_str(out, ", held by ");
		if (owner->tid != 0)
			hd_buf_printf(out, "thread %" PRId32 ", ", owner->tid);
		hd_buf_str(out, "which is dead");
		return;
	case HD_OWNER_ELSEWHERE:
		hd_buf_printf(out, ", held by thread %" PRId32 " outside this tree", owner->tid);
		return;
	}
}

/* Names the processes that the waker threads belong to. */
static void put_wakers(const struct hd_snapshot *snap, const struct hd_edges *wakers, uint32_t but, struct hd_buf *out)
{
	uint32_t last = HD_NONE, named = 0;
	for (uint32_t i = 0; i < wakers->n; i++) {
		uint32_t p = snap->threads[wakers->at[i]].proc;
		if (p == last || p == but)
			continue;
		last = p;
		if (named == NAMED_MAX) {
			hd_buf_str(out, " and others");
			return;
		}
		hd_buf_str(out, named++ != 0 ? ", " : "");
		hd_words_proc(&snap->procs[p], out);
	}
}

static void put_child_wait(const struct hd_snapshot *snap, const struct hd_thread_verdict *tv, uint32_t t, struct hd_buf *out)
{
	if (awaited_pid(&tv->wait) != 0) {
		hd_buf_str(out, "waits for child ");
		put_pid_name(snap, awaited_pid(&tv->wait), out);
		hd_buf_str(out, " to end");
		return;
	}
	hd_buf_str(out, "waits for one of its children to end");
	if (tv->wakers.n != 0) {
		hd_buf_str(out, ": ");
		put_wakers(snap, &tv->wakers, snap->threads[t].proc, out);
	}
}

static void put_object_wait(const struct hd_snapshot *snap, const struct hd_thread_verdict *tv, uint32_t t, struct hd_buf *out)
{
	const struct hd_thread *thread = &snap->threads[t];
	struct hd_buf object HD_CLEAN_BUF = {0}, who HD_CLEAN_BUF = {0};
	bool is_stream = tv->wait.kind == HD_WAIT_PIPE || tv->wait.kind == HD_WAIT_SOCKET;
	hd_words_object(snap, &tv->wait, t, &object);
	put_wakers(snap, &tv->wakers, HD_NONE, &who);
	if (is_stream && thread->objects_want_write)
		hd_buf_str(out, "waits for room to write into ");
	else if (is_stream)
		hd_buf_str(out, "waits for data from ");
	else
		hd_buf_printf(out, "waits for %s%s", hd_wait_words(tv->wait.kind), object.len != 0 ? ", " : "");
	hd_buf_str(out, is_stream && object.len == 0 ? hd_wait_words(tv->wait.kind) : hd_buf_text(&object));
	if (who.len != 0)
		hd_buf_printf(out, ", which %s%s could %s", tv->wait.outside == NULL ? "only " : "", hd_buf_text(&who),
			      !is_stream ? "bring about" : thread->objects_want_write ? "empty" : "write");
}

void hd_words_wait(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t, struct hd_buf *out)
{
	const struct hd_thread *thread = &snap->threads[t];
	const struct hd_thread_verdict *tv = &v->threads[t];
	if (!thread->is_still && !thread->call_known && strchr("RSD", thread->state) != NULL) {
		hd_buf_str(out, thread->state == 'R' ? "runs" : "is active");
		return;
	}
	switch (tv->wait.kind) {
	case HD_WAIT_NONE:
		hd_buf_str(out, strchr("Tt", thread->state) != NULL ? "is stopped"
				: thread->state == 'Z'		    ? "has ended"
				: thread->state == 'R'		    ? "runs"
								    : "is active");
		return;
	case HD_WAIT_FUTEX:
		hd_buf_str(out, "waits for ");
		hd_words_lock(thread, out);
		put_owner(snap, v, t, out);
		return;
	case HD_WAIT_CHILD:
		put_child_wait(snap, tv, t, out);
		return;
	case HD_WAIT_TIMER:
		hd_buf_str(out, "sleeps");
		return;
	default:
		put_object_wait(snap, tv, t, out);
		return;
	}
}

/* ---- inside fork() --------------------------------------------------------------------------------------------------- */

static bool is_named(const struct hd_frame *f, const char *const *names, size_t n)
{
	const char *texts[] = {f->function, f->called_as, f->symbol};
	for (size_t i = 0; i < HD_COUNTOF(texts) * n; i++) {
		if (texts[i / n] != NULL && strcmp(texts[i / n], names[i % n]) == 0)
			return true;
	}
	return false;
}

/* The call that made this process is still on the stack of its copy, at the same address. */
static bool is_own_birth(const struct hd_fork *fork, const struct hd_frame *f)
{
	for (uint32_t i = 0; fork != NULL && i < fork->stack.n; i++) {
		if (fork->stack.at[i].cfa == f->cfa && f->cfa != 0 && fork->stack.at[i].kind == f->kind)
			return true;
	}
	return false;
}

const char *hd_fork_phase(const struct hd_snapshot *snap, uint32_t t)
{
	static const char *const before[] = {"__run_prefork_handlers", "PyOS_BeforeFork"};
	static const char *const after[] = {"__run_postfork_handlers", "PyOS_AfterFork_Child", "PyOS_AfterFork_Parent"};
	static const char *const call[] = {"fork", "__fork", "__libc_fork", "forkpty"};
	const struct hd_stack *stack = &snap->threads[t].stack;
	for (uint32_t i = 0; i < stack->n; i++) {
		const struct hd_frame *f = &stack->at[i];
		if (f->kind != HD_FRAME_NATIVE)
			continue;
		if (is_named(f, before, HD_COUNTOF(before)))
			return "before";
		if (is_named(f, after, HD_COUNTOF(after)))
			return "after";
		if (is_named(f, call, HD_COUNTOF(call)))
			return is_own_birth(snap->procs[snap->threads[t].proc].fork, f) ? "after" : "before";
	}
	return NULL;
}
