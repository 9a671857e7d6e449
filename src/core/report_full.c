/* All stacks: what a dump is made of, and the second half of a verbose report. */
#include <inttypes.h>
#include <string.h>

#include "hangdog/python.h"
#include "hangdog/timetext.h"
#include "core/owner.h"
#include "report_stack.h"
#include "report_text.h"
#include "report_words.h"

static const char *gil_words(const struct hd_thread *thread)
{
	return thread->gil == HD_GIL_HOLDS ? ", holds Python's GIL" : thread->gil == HD_GIL_WAITS ? ", waits for Python's GIL" : "";
}

static void put_full_thread(struct hd_text *t, uint32_t i)
{
	const struct hd_thread *thread = hd_text_thread(t, i);
	struct hd_buf wait HD_CLEAN_BUF = {0};
	/* A dump looks at nobody twice, so it cannot say what somebody waits for. */
	if (t->v != NULL && !t->report->is_dump)
		hd_words_wait(t->snap, t->v, i, &wait);
	hd_page_para(&t->page, 2, 4, HD_INK_BOLD, "thread %" PRId32 "%s%s%s, state %c%s%s%s", thread->tid,
		     hd_thread_name(thread)[0] != '\0' ? " \"" : "", hd_thread_name(thread), hd_thread_name(thread)[0] != '\0' ? "\"" : "",
		     thread->state != '\0' ? thread->state : '?', gil_words(thread), wait.len != 0 ? ": " : "", hd_buf_text(&wait));
	if (thread->stack.n == 0 && thread->state == 'Z')
		hd_page_para(&t->page, 4, 4, HD_INK_DIM, "(it has ended)");
	else if (thread->stack.n == 0 && t->report->only_python)
		hd_page_para(&t->page, 4, 4, HD_INK_DIM, "(it runs no Python code)");
	else
		hd_page_stack_full(&t->page, 4, &thread->stack);
}

/* Which threads of the process stand in exactly the same place as thread i: their number, i included, and the ids of the
 * others.  0: an earlier thread of the process stands there and was shown with this one. */
static uint32_t same_place(const struct hd_text *t, const struct hd_proc *proc, uint32_t i, struct hd_buf *others)
{
	const struct hd_stack *stack = &hd_text_thread(t, i)->stack;
	uint32_t n = 1;
	for (uint32_t k = proc->first_thread; stack->n != 0 && k < proc->first_thread + proc->n_threads; k++) {
		if (k == i || !hd_stack_equal(stack, &hd_text_thread(t, k)->stack))
			continue;
		if (k < i)
			return 0;
		const char *name = hd_thread_name(hd_text_thread(t, k));
		bool is_own = name[0] != '\0' && strcmp(name, hd_thread_name(hd_text_thread(t, i))) != 0;
		hd_buf_printf(others, "%s%" PRId32 "%s%s%s", others->len != 0 ? ", " : "", hd_text_thread(t, k)->tid, is_own ? " \"" : "",
			      is_own ? name : "", is_own ? "\"" : "");
		n++;
	}
	return n;
}

static void put_threads_grouped(struct hd_text *t, const struct hd_proc *proc)
{
	for (uint32_t i = proc->first_thread; i < proc->first_thread + proc->n_threads; i++) {
		struct hd_buf others HD_CLEAN_BUF = {0};
		uint32_t n = same_place(t, proc, i, &others);
		if (n > 1)
			hd_page_para(&t->page, 2, 4, HD_INK_BOLD, "%" PRIu32 " threads stand here: the next one and %s", n, hd_buf_text(&others));
		if (n > 0)
			put_full_thread(t, i);
	}
}

static void put_full_fork(struct hd_text *t, const struct hd_fork *fork)
{
	if (fork->parent_tid != 0)
		hd_page_para(&t->page, 2, 4, HD_INK_BOLD, "forked by thread %" PRId32 " of %" PRId32 ", which stood here:",
			     fork->parent_tid, fork->parent_pid);
	else
		hd_page_para(&t->page, 2, 4, HD_INK_BOLD, "forked by %" PRId32 ", which stood here:", fork->parent_pid);
	hd_page_stack_full(&t->page, 4, &fork->stack);
	for (uint32_t k = 0; k < fork->n_others; k++) {
		const struct hd_fork_other *other = &fork->others[k];
		struct hd_buf who HD_CLEAN_BUF = {0};
		if (other->tid != 0)
			hd_buf_printf(&who, "thread %" PRId32, other->tid);
		else
			hd_buf_str(&who, "a thread");
		hd_page_para(&t->page, 2, 4, HD_INK_BOLD, "%s%s%s%s of %" PRId32 " was not copied, and stood here:", hd_buf_text(&who),
			     other->name != NULL ? " \"" : "", other->name != NULL ? other->name : "", other->name != NULL ? "\"" : "",
			     hd_fork_other_pid(fork, k));
		hd_page_stack_full(&t->page, 4, &other->stack);
	}
}

static void put_tasks(struct hd_text *t, const struct hd_proc *proc)
{
	if (proc->n_tasks > 0)
		hd_page_para(&t->page, 2, 4, HD_INK_BOLD, "%" PRIu32 " asyncio task%s", proc->n_tasks, proc->n_tasks == 1 ? "" : "s");
	for (uint32_t i = 0; i < proc->n_tasks; i++) {
		const struct hd_py_task *task = &proc->tasks[i];
		hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "task %s %s%s", task->name != NULL ? task->name : "?",
			     task->awaits != NULL ? "awaits " : "is about to run", task->awaits != NULL ? task->awaits : "");
		hd_page_stack_full(&t->page, 4, &task->stack);
	}
}

void hd_text_put_full(struct hd_text *t)
{
	for (uint32_t p = 0; p < t->snap->n_procs; p++) {
		const struct hd_proc *proc = &t->snap->procs[p];
		struct hd_buf command HD_CLEAN_BUF = {0};
		if (!proc->in_tree)
			continue;
		hd_words_command(proc->argv, 400, &command);
		hd_page_gap(&t->page);
		hd_page_para(&t->page, 0, 2, HD_INK_BOLD, "%" PRId32 " (%s), child of %" PRId32 ": %s%s%s%s", proc->pid,
			     proc->comm != NULL ? proc->comm : "?", proc->ppid, hd_buf_text(&command),
			     proc->python != NULL ? ", Python " : "", proc->python != NULL ? proc->python : "",
			     proc->gc_running ? ", collecting garbage" : "");
		bool is_grouped = t->report->is_dump && !t->report->each_thread;
		if (is_grouped)
			put_threads_grouped(t, proc);
		for (uint32_t i = 0; i < proc->n_threads && !is_grouped; i++)
			put_full_thread(t, proc->first_thread + i);
		put_tasks(t, proc);
		if (proc->fork != NULL && !t->report->is_dump)
			put_full_fork(t, proc->fork);
	}
}

void hd_text_put_dump(struct hd_text *t)
{
	uint32_t procs = 0, threads = 0;
	struct hd_buf command HD_CLEAN_BUF = {0};
	for (uint32_t p = 0; p < t->snap->n_procs; p++) {
		procs += t->snap->procs[p].in_tree;
		threads += t->snap->procs[p].in_tree ? t->snap->procs[p].n_threads : 0;
	}
	hd_words_command(hd_snapshot_command(t->snap), HD_COMMAND_COLUMNS, &command);
	hd_page_para(&t->page, 0, 2, HD_INK_BOLD, "%s: %" PRIu32 " process%s, %" PRIu32 " thread%s, %s", hd_buf_text(&command), procs,
		     procs == 1 ? "" : "es", threads, threads == 1 ? "" : "s", hd_time_rfc3339(t->snap->time_ns).text);
	hd_text_put_full(t);
}

