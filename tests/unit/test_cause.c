#include <criterion/criterion.h>

#include "../lib/build.h"
#include "core/cause.h"

static enum hd_cause cause_of_child(struct hd_snapshot *s)
{
	return hd_cause_of_thread(s, hd_decide(s, s->arena), 1);
}

static struct hd_thread *forked(struct hd_snapshot *s)
{
	tb_lone(s, 4200, 1);
	uint32_t child = tb_lone(s, 4242, 4200);
	tb_other(tb_fork(s, child, 4200, 2), 4205);
	return tb_futex(s, 1, 0x100);
}

Test(cause, a_join_of_a_thread_that_was_not_copied_misses_it, .timeout = 10)
{
	TB_SNAPSHOT(s);
	forked(s);
	tb_mutex(s, 1, 0x100, 4205)->kind = HD_LOCK_JOIN;
	cr_expect_eq(cause_of_child(s), HD_CAUSE_MISSING_THREAD);
	s->threads[1].lock.kind = HD_LOCK_MUTEX;
	cr_expect_eq(cause_of_child(s), HD_CAUSE_INHERITED_LOCK);
}

Test(cause, a_python_wait_misses_a_thread_where_a_python_lock_is_inherited, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_thread *th = forked(s);
	static struct hd_frame frames[] = {
		{.kind = HD_FRAME_NATIVE, .function = "__futex_abstimed_wait_common"},
		{.kind = HD_FRAME_PYTHON, .function = "Condition.wait", .file = "/usr/lib/python3.11/threading.py"},
		{.kind = HD_FRAME_PYTHON, .function = "get", .file = "/usr/lib/python3.11/queue.py"},
	};
	th->lock.kind = HD_LOCK_PYTHON;
	th->stack = (struct hd_stack){.at = frames, .n = 3};
	cr_expect_eq(cause_of_child(s), HD_CAUSE_MISSING_THREAD);
	frames[1].function = "work";
	frames[1].file = "train.py";
	cr_expect_eq(cause_of_child(s), HD_CAUSE_INHERITED_LOCK);
	frames[1].file = NULL;
	frames[1].function = NULL;
	cr_expect_eq(cause_of_child(s), HD_CAUSE_INHERITED_LOCK);
}

Test(cause, a_fork_that_lost_nobody_explains_nothing, .timeout = 10)
{
	TB_SNAPSHOT(s);
	forked(s)->lock.kind = HD_LOCK_LIBC;
	cr_expect_eq(cause_of_child(s), HD_CAUSE_INHERITED_LOCK);
	s->procs[1].fork->parent_threads = 1;
	s->procs[1].fork->n_others = 0;
	cr_expect_eq(cause_of_child(s), HD_CAUSE_NONE);
}

Test(cause, causes_are_ranked_as_the_specification_orders_them, .timeout = 10)
{
	static const enum hd_cause order[] = {HD_CAUSE_INHERITED_LOCK, HD_CAUSE_DEAD_HOLDER, HD_CAUSE_LOCK_CYCLE,
					      HD_CAUSE_SELF_LOCK, HD_CAUSE_MISSING_THREAD, HD_CAUSE_WAIT_CYCLE,
					      HD_CAUSE_NO_WAKER, HD_CAUSE_NONE};
	for (size_t i = 1; i < HD_COUNTOF(order); i++)
		cr_expect_lt(hd_cause_rank(order[i - 1]), hd_cause_rank(order[i]));
}
