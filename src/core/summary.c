#include <string.h>

#include "core/explain.h"
#include "core/holder.h"
#include "core/owner.h"
#include "core/report_stack.h"
#include "core/report_words.h"
#include "core/section.h"
#include "hangdog/buf.h"

#define NAMED_MAX 4u /* members of a cycle that the sentence names */

struct writer {
	const struct hd_snapshot *snap;
	const struct hd_verdict *v;
	struct hd_buf *out;
};

static const struct hd_proc *proc_of(const struct writer *w, uint32_t t)
{
	return &w->snap->procs[w->snap->threads[t].proc];
}

static void say_named(const struct writer *w, const char *name)
{
	if (name == NULL || name[0] == '\0')
		return;
	hd_buf_str(w->out, " (");
	hd_buf_safe(w->out, name);
	hd_buf_char(w->out, ')');
}

static void say_proc(const struct writer *w, uint32_t t, bool first)
{
	hd_buf_printf(w->out, "%s %d", first ? "Process" : "process", proc_of(w, t)->pid);
	say_named(w, proc_of(w, t)->comm);
}

/* "Process 4242 (python3)", or "Thread 4250 (worker) of process 4242 (python3)" where that says more. */
static void say_waiter(const struct writer *w, uint32_t t)
{
	const struct hd_thread *th = &w->snap->threads[t];
	bool is_main = th->tid == proc_of(w, t)->pid;
	if (!is_main) {
		hd_buf_printf(w->out, "Thread %d", th->tid);
		say_named(w, th->py_name != NULL ? th->py_name : th->name);
		hd_buf_str(w->out, " of ");
	}
	say_proc(w, t, is_main);
}

/* ", forked by 4200 while 7 other threads existed," */
static void say_fork(const struct writer *w, uint32_t t)
{
	const struct hd_fork *fork = hd_proc_fork(proc_of(w, t));
	if (fork == NULL)
		return;
	if (hd_fork_lost_only_older(fork)) {
		hd_buf_printf(w->out, ", forked by %d, itself a copy of %d without its other threads,", fork->parent_pid,
			      hd_fork_older_pid(fork));
		return;
	}
	hd_buf_printf(w->out, ", forked by %d while ", fork->parent_pid);
	uint32_t others = fork->parent_threads > 1 ? fork->parent_threads - 1 : fork->n_others;
	if (others == 1)
		hd_buf_str(w->out, "another thread existed,");
	else if (fork->parent_threads > 1)
		hd_buf_printf(w->out, "%u other threads existed,", others);
	else
		hd_buf_str(w->out, "other threads existed,");
}

static bool is_lock_like(enum hd_lock_kind kind)
{
	static const enum hd_lock_kind kinds[] = {HD_LOCK_MUTEX, HD_LOCK_RWLOCK_READ, HD_LOCK_RWLOCK_WRITE, HD_LOCK_LIBC,
						  HD_LOCK_STDIO, HD_LOCK_MALLOC,      HD_LOCK_LOADER,	    HD_LOCK_PYTHON,
						  HD_LOCK_RUST};
	for (size_t i = 0; i < HD_COUNTOF(kinds); i++) {
		if (kinds[i] == kind)
			return true;
	}
	return false;
}

/* "the lock registry_lock (in a.out)", "a condition variable", "a pipe (pipe:[42])". */
static void say_object(const struct writer *w, uint32_t t)
{
	const struct hd_thread *th = &w->snap->threads[t];
	enum hd_wait_kind kind = w->v->threads[t].wait.kind;
	if (kind != HD_WAIT_FUTEX) {
		hd_buf_str(w->out, hd_wait_words(kind));
		if (th->n_objects == 1 && kind != HD_WAIT_CHILD)
			say_named(w, w->snap->objects[th->objects[0]].label);
		return;
	}
	if (th->lock.name != NULL) {
		hd_buf_str(w->out, is_lock_like(th->lock.kind) ? "the lock" : hd_lock_what(&th->lock));
		hd_buf_char(w->out, ' ');
		hd_buf_safe(w->out, th->lock.name);
	} else {
		hd_buf_str(w->out, hd_lock_what(&th->lock));
	}
	if (th->lock.name == NULL && th->lock.kind == HD_LOCK_LIBC) { /* its function says more than its place */
		say_named(w, th->lock.api);
		return;
	}
	HD_CLEAN_BUF struct hd_buf place = {0};
	hd_words_place(th, &place);
	hd_buf_safe(w->out, hd_buf_text(&place));
}

static void say_holder_at_fork(const struct writer *w, uint32_t t)
{
	const struct hd_owner *owner = &w->v->threads[t].owner;
	const struct hd_lock *lock = &w->snap->threads[t].lock;
	if (owner->state == HD_OWNER_FORKER) {
		hd_buf_printf(w->out, "thread %d, which made the fork, held it then, and in the child has another number", owner->tid);
		return;
	}
	const struct hd_fork_holder *holder = &w->v->threads[t].holder;
	const struct hd_fork *fork = hd_proc_fork(proc_of(w, t));
	bool is_known = fork != NULL && holder->other < fork->n_others;
	int32_t tid = owner->state == HD_OWNER_INHERITED ? owner->tid : holder->tid;
	if (tid != 0) {
		hd_buf_printf(w->out, "thread %d", tid);
		say_named(w, is_known ? fork->others[holder->other].name : owner->state == HD_OWNER_INHERITED ? owner->name : NULL);
		hd_buf_printf(w->out, " %sheld it at the fork and does not exist in the child",
			      holder->confidence == HD_CONF_LOW ? "probably " : "");
	} else if (lock->held_at_fork == HD_YES) {
		hd_buf_str(w->out, "it was held already at the fork, by a thread that does not exist in the child");
	} else {
		hd_buf_str(w->out, "whoever held it at the fork does not exist in the child");
	}
}

/* Held at the fork, but it may have been made anew in the copy, and taken again. */
static void say_newer_holder(const struct writer *w, uint32_t t)
{
	const struct hd_lock *lock = &w->snap->threads[t].lock;
	if (hd_holder_has_rival(&w->snap->threads[t]))
		hd_buf_printf(w->out, "; or thread %d has taken it since, as its code looks", lock->inside_tid);
}

static void say_wait(const struct writer *w, uint32_t t, bool with_fork)
{
	say_waiter(w, t);
	if (with_fork)
		say_fork(w, t);
	hd_buf_str(w->out, " waits for ever for ");
	say_object(w, t);
}

/* Threads 1 and 2 wait for each other: 1 for the lock A, held by 2; 2 for the lock B, held by 1. */
static void say_cycle(const struct writer *w, const struct hd_root *root)
{
	uint32_t named = root->n_threads < NAMED_MAX ? root->n_threads : NAMED_MAX, t = root->lead;
	say_proc(w, t, true);
	hd_buf_printf(w->out, ": %u threads wait for each other for ever: ", root->n_threads);
	for (uint32_t i = 0; i < named; i++) {
		uint32_t owner = w->v->threads[t].owner.thread;
		hd_buf_printf(w->out, "%s%d waits for ", i > 0 ? "; " : "", w->snap->threads[t].tid);
		if (w->snap->threads[t].lock.kind == HD_LOCK_JOIN) {
			hd_buf_printf(w->out, "the end of %d", w->snap->threads[owner].tid);
		} else {
			say_object(w, t);
			hd_buf_printf(w->out, ", held by %d", w->snap->threads[owner].tid);
		}
		t = owner;
	}
	hd_buf_str(w->out, named < root->n_threads ? "; and so on" : "");
}

static bool is_one_proc(const struct writer *w, const struct hd_root *root)
{
	for (uint32_t i = 1; i < root->n_threads; i++) {
		if (proc_of(w, root->threads[i]) != proc_of(w, root->threads[0]))
			return false;
	}
	return true;
}

static void say_wait_cycle(const struct writer *w, const struct hd_root *root)
{
	if (root->n_threads == 1 || is_one_proc(w, root)) {
		say_wait(w, root->lead, false);
		hd_buf_str(w->out, ": nobody but its own process could end that, and all of it that could is waiting");
		return;
	}
	uint32_t named = root->n_threads < NAMED_MAX ? root->n_threads : NAMED_MAX;
	hd_buf_printf(w->out, "%u threads of several processes wait for each other for ever: ", root->n_threads);
	for (uint32_t i = 0; i < named; i++) {
		hd_buf_str(w->out, i > 0 ? "; " : "");
		say_proc(w, root->threads[i], false);
		hd_buf_str(w->out, " for ");
		say_object(w, root->threads[i]);
	}
	hd_buf_str(w->out, named < root->n_threads ? "; and so on" : "");
}

/* A living thread that took the lock, as its code looks, and did not give it back. */
static void say_probable_holder(const struct writer *w, uint32_t t)
{
	const struct hd_thread *th = &w->snap->threads[t];
	if (th->lock.inside_tid == 0 || th->lock.inside_confidence != HD_CONF_LOW)
		return;
	if (th->lock.inside_tid == th->tid)
		hd_buf_str(w->out, "; it probably holds the lock itself");
	else
		hd_buf_printf(w->out, "; thread %d probably holds the lock", th->lock.inside_tid);
}

static void say_root(const struct writer *w, const struct hd_root *root)
{
	switch (root->cause) {
	case HD_CAUSE_INHERITED_LOCK:
		say_wait(w, root->lead, true);
		hd_buf_str(w->out, ": ");
		say_holder_at_fork(w, root->lead);
		say_newer_holder(w, root->lead);
		break;
	case HD_CAUSE_MISSING_THREAD:
		say_wait(w, root->lead, true);
		hd_buf_str(w->out, ": the thread that should wake it was not copied by the fork");
		break;
	case HD_CAUSE_DEAD_HOLDER:
		say_wait(w, root->lead, false);
		if (w->v->threads[root->lead].owner.tid != 0)
			hd_buf_printf(w->out, ": its holder, thread %d, does not exist any more", w->v->threads[root->lead].owner.tid);
		else
			hd_buf_str(w->out, ": whoever held it has ended and did not give it back");
		break;
	case HD_CAUSE_LOCK_CYCLE:
		say_cycle(w, root);
		break;
	case HD_CAUSE_SELF_LOCK:
		say_wait(w, root->lead, false);
		hd_buf_str(w->out, ", which it holds itself");
		break;
	case HD_CAUSE_WAIT_CYCLE:
		say_wait_cycle(w, root);
		break;
	default:
		say_wait(w, root->lead, false);
		hd_buf_str(w->out, ": everyone who could wake it is waiting for ever too");
		say_probable_holder(w, root->lead);
		break;
	}
	hd_buf_char(w->out, '.');
}

const char *hd_summary_root(const struct hd_snapshot *snap, const struct hd_verdict *v, const struct hd_root *root,
			    struct hd_arena *arena)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	struct writer w = {.snap = snap, .v = v, .out = &out};
	say_root(&w, root);
	return hd_arena_strn(arena, hd_buf_text(&out), out.len);
}

const char *hd_summary_stall(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t lead, int64_t stall_ns,
			     struct hd_arena *arena)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	struct writer w = {.snap = snap, .v = v, .out = &out};
	hd_buf_printf(&out, "Nothing has moved for %lld s", (long long)(stall_ns / HD_NS_PER_S));
	if (lead != HD_NONE) {
		bool goes_round = snap->threads[lead].repeat_ns > 0;
		hd_buf_str(&out, goes_round ? ". " : "; the longest wait: ");
		say_proc(&w, lead, goes_round);
		if (goes_round)
			say_fork(&w, lead);
		hd_buf_str(&out, goes_round ? " wakes up again and again, and each time goes back to the very same wait, for " : ", for ");
		say_object(&w, lead);
	}
	hd_buf_str(&out, ". This is no proof of a deadlock.");
	return hd_arena_strn(arena, hd_buf_text(&out), out.len);
}

/* ---- signature -------------------------------------------------------------------------------------------------------- */

#define SIGNATURE_FRAMES 3

/* Frames of the C and Python runtimes are the same in every hang. */
static bool is_in_every_hang(const struct hd_frame *f)
{
	if (f->kind == HD_FRAME_PYTHON || f->function == NULL || f->module == NULL)
		return f->function == NULL || f->kind != HD_FRAME_PYTHON;
	const char *base = hd_path_base(f->module);
	return hd_frame_is_runtime(f) || strncmp(base, "libpython", 9) == 0 || strncmp(base, "python", 6) == 0;
}

const char *hd_signature(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t lead, struct hd_arena *arena)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	const struct hd_thread *th = &snap->threads[lead];
	const struct hd_wait *wait = &v->threads[lead].wait;
	hd_buf_printf(&out, "%s|%s|", hd_cause_name(v->cause),
		      wait->kind == HD_WAIT_FUTEX ? hd_lock_json(th->lock.kind) : hd_wait_json(wait->kind));
	const char *what = th->lock.name != NULL ? th->lock.name : th->lock.api;
	hd_buf_safe(&out, what != NULL ? what : wait->syscall);
	for (uint32_t i = 0, n = 0; i < th->stack.n && n < SIGNATURE_FRAMES; i++) {
		if (is_in_every_hang(&th->stack.at[i]))
			continue;
		hd_buf_char(&out, '|');
		hd_buf_safe(&out, th->stack.at[i].function);
		n++;
	}
	return hd_arena_strn(arena, hd_buf_text(&out), out.len);
}
