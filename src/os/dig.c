#include "os/dig.h"

#include "hangdog/merge.h"

#define GUESSES_MAX 16u /* locks of a process whose holder is guessed at: that takes longer */

static void other_fill(struct hd_fork_other *other, const struct hd_py_thread *thread, bool same_numbers,
		       struct hd_arena *arena)
{
	other->how = HD_HOW_PYTHON;
	other->name = thread->name != NULL ? thread->name : other->name;
	other->ns_tid = thread->native_tid;
	if (same_numbers)
		other->tid = thread->native_tid;
	other->stack = hd_stack_merge(&other->stack, &thread->stack, arena);
}

static void holder_find(struct hd_thread *thread, const struct hd_py_view *view, struct hd_mem *mem,
			const struct hd_fork *fork, const struct hd_py_threads *threads)
{
	if (thread->n_words == 0 || thread->lock.kind != HD_LOCK_PYTHON || thread->lock.held_at_fork != HD_UNKNOWN)
		return;
	int holder = hd_python_lock_holder(view->py, mem, thread->words[0].addr, threads);
	bool is_sure = holder >= 0;
	if (!is_sure)
		holder = hd_python_lock_user(view->py, mem, thread->words[0].addr, threads);
	if (holder < 0)
		return;
	thread->lock.held_at_fork = is_sure ? HD_YES : HD_UNKNOWN;
	thread->lock.fork_owner_tid = fork->others[holder].tid;
	thread->lock.fork_owner_confidence = is_sure ? HD_CONF_HIGH : HD_CONF_LOW;
}

void hd_dig_python(struct hd_snapshot *snap, struct hd_proc *proc, const struct hd_py_view *view, struct hd_mem *mem,
		   struct hd_arena *arena)
{
	struct hd_fork *fork = proc->fork;
	struct hd_py_threads threads = {.at = HD_NEW_N(arena, (size_t)fork->n_others + 1, struct hd_py_thread),
					.n = fork->n_others};
	bool any = false;
	for (uint32_t i = 0; i < fork->n_others; i++) {
		struct hd_py_thread thread;
		if (fork->others[i].tls == 0 ||
		    hd_python_dead_thread(view->py, mem, fork->others[i].tls, arena, &thread) < 0)
			continue;
		threads.at[i] = thread;
		other_fill(&fork->others[i], &thread, proc->pid == proc->ns_pid, arena);
		any = true;
	}
	for (uint32_t t = proc->first_thread; any && t < proc->first_thread + proc->n_threads; t++)
		holder_find(&snap->threads[t], view, mem, fork, &threads);
}

static void inside_set(struct hd_snapshot *snap, const struct hd_proc *proc, const struct hd_py_view *view, int inside,
		       enum hd_confidence confidence, struct hd_lock *lock)
{
	for (uint32_t k = 0; inside >= 0 && k < proc->n_threads; k++) {
		if (view->of[k] != inside)
			continue;
		lock->inside_tid = snap->threads[proc->first_thread + k].tid;
		lock->inside_confidence = confidence;
	}
}

void hd_inside_python(struct hd_snapshot *snap, const struct hd_proc *proc, const struct hd_py_view *view, struct hd_mem *mem,
		      struct hd_arena *arena)
{
	struct hd_py_helds helds;
	bool is_read = false;
	uint32_t guesses = 0;
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		struct hd_thread *thread = &snap->threads[t];
		if (thread->n_words == 0 || thread->lock.kind != HD_LOCK_PYTHON || thread->lock.owner_tcb != 0)
			continue;
		if (!is_read)
			hd_python_helds(view->py, mem, &view->threads, arena, &helds);
		is_read = true;
		uint64_t word = thread->words[0].addr;
		int inside = hd_python_lock_inside(view->py, mem, word, &view->threads, &helds);
		inside_set(snap, proc, view, inside, HD_CONF_HIGH, &thread->lock);
		if (inside < 0 && guesses++ < GUESSES_MAX)
			inside_set(snap, proc, view, hd_python_lock_user(view->py, mem, word, &view->threads), HD_CONF_LOW, &thread->lock);
	}
}
