/* When ending only the stuck processes helps, and when it would make things worse. */
#include <criterion/criterion.h>

#include "../lib/sample.h"
#include "hangdog/killchild.h"

/* Process 4000 had a second thread when it forked 5000, which waits for a mutex of that thread. */
static struct hd_snapshot *stuck_child(void)
{
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 4000, 1, "prog", "prog", NULL);
	sample_wait_child(sample_thread(s, 4000, "prog", 'S'), 5000);
	sample_proc(s, 5000, 4000, "prog", "prog", NULL);
	sample_fork(s, 4000, 4000, 1);
	struct hd_lock *lock = sample_futex(s, sample_thread(s, 5000, "prog", 'S'), 0x601000, HD_LOCK_MUTEX);
	lock->owner_tid = 4001;
	lock->owner_exists = HD_NO;
	lock->owner_releases = true;
	return s;
}

static const char *refusal(struct hd_snapshot *s, struct hd_kill_child *ret)
{
	*ret = hd_kill_child_plan(s, hd_decide(s, s->arena), s->arena);
	return ret->refusal;
}

Test(killchild, a_parent_that_waits_for_its_stuck_child_goes_on_without_it, .timeout = 10)
{
	struct hd_snapshot *s = stuck_child();
	struct hd_kill_child plan;
	cr_assert_null(refusal(s, &plan));
	cr_assert_eq(plan.n, 1);
	cr_expect_eq(s->procs[plan.procs[0]].pid, 5000);
	hd_snapshot_free(s);
}

Test(killchild, a_worker_of_a_pool_is_spared, .timeout = 10)
{
	struct hd_snapshot *s = stuck_child();
	struct hd_kill_child plan;
	s->threads[1].stack = sample_stack(s, "futex@/lib/libc.so.6\npy work /home/ann/train.py:7\npy worker /usr/lib/python3.11/multiprocessing/pool.py:125");
	cr_assert_not_null(strstr(refusal(s, &plan), "multiprocessing.Pool"));
	hd_snapshot_free(s);
}

Test(killchild, the_command_itself_is_not_its_own_child, .timeout = 10)
{
	struct hd_snapshot *s = sample_new();
	struct hd_kill_child plan;
	sample_proc(s, 4000, 1, "prog", "prog", NULL);
	struct hd_lock *lock = sample_futex(s, sample_thread(s, 4000, "prog", 'S'), 0x601000, HD_LOCK_MUTEX);
	lock->owner_tid = 4000;
	lock->owner_releases = true;
	cr_assert_not_null(strstr(refusal(s, &plan), "the command itself"));
	hd_snapshot_free(s);
}

Test(killchild, a_parent_that_waits_for_an_answer_as_well_would_still_be_stuck, .timeout = 10)
{
	struct hd_snapshot *s = stuck_child();
	struct hd_kill_child plan;
	/* It reads a pipe whose other end it holds itself, too: no end of file comes when the child ends. */
	struct hd_object *pipe = sample_object(s, HD_OBJ_PIPE, 77, "pipe:[77]");
	sample_holder(pipe, 0, 3, true, false);
	sample_holder(pipe, 0, 4, false, true);
	sample_holder(pipe, 1, 4, false, true);
	sample_read_object(s, &s->threads[0], pipe);
	cr_assert_not_null(strstr(refusal(s, &plan), "4000 would still be stuck"), "%s", plan.refusal);
	hd_snapshot_free(s);
}

Test(killchild, a_parent_that_reads_from_its_child_alone_sees_the_end, .timeout = 10)
{
	struct hd_snapshot *s = stuck_child();
	struct hd_kill_child plan;
	struct hd_object *pipe = sample_object(s, HD_OBJ_PIPE, 77, "pipe:[77]");
	sample_holder(pipe, 0, 3, true, false);
	sample_holder(pipe, 1, 4, false, true);
	sample_read_object(s, &s->threads[0], pipe);
	cr_assert_null(refusal(s, &plan), "%s", plan.refusal);
	hd_snapshot_free(s);
}

/* ---- pipes: what the kernel tells whoever is at the other end, when the last one at this end is gone ---- */

/* The parent waits in poll, without a limit, for what its end of a pipe says; the child has the other. */
static struct hd_object *polled_pipe(struct hd_snapshot *s, bool parent_reads)
{
	struct hd_object *pipe = sample_object(s, HD_OBJ_PIPE, 77, "pipe:[77]");
	struct hd_thread *parent = &s->threads[0];
	sample_holder(pipe, 0, 3, parent_reads, !parent_reads);
	sample_holder(pipe, 1, 4, !parent_reads, parent_reads);
	sample_read_object(s, parent, pipe);
	parent->nr = SAMPLE_NR_POLL;
	parent->args[1] = 1;
	parent->args[2] = UINT32_MAX;
	return pipe;
}

Test(killchild, a_parent_that_polls_what_its_child_alone_writes_sees_the_end, .timeout = 10)
{
	struct hd_snapshot *s = stuck_child();
	struct hd_kill_child plan;
	polled_pipe(s, true);
	cr_assert_null(refusal(s, &plan), "%s", plan.refusal);
	cr_assert_eq(plan.n, 1);
	cr_expect_eq(s->procs[plan.procs[0]].pid, 5000);
	hd_snapshot_free(s);
}

Test(killchild, a_parent_that_polls_for_room_is_told_that_nobody_reads_any_more, .timeout = 10)
{
	struct hd_snapshot *s = stuck_child();
	struct hd_kill_child plan;
	polled_pipe(s, false);
	cr_assert_null(refusal(s, &plan), "%s", plan.refusal);
	hd_snapshot_free(s);
}

Test(killchild, an_end_that_the_parent_kept_keeps_its_poll_waiting, .timeout = 10)
{
	for (int parent_reads = 0; parent_reads <= 1; parent_reads++) {
		struct hd_snapshot *s = stuck_child();
		struct hd_kill_child plan;
		sample_holder(polled_pipe(s, parent_reads), 0, 5, !parent_reads, parent_reads);
		const char *why = refusal(s, &plan);
		cr_assert(why != NULL && strstr(why, "4000 would still be stuck") != NULL, "parent reads %d: %s", parent_reads,
			  why != NULL ? why : "(done)");
		hd_snapshot_free(s);
	}
}

Test(killchild, a_brother_s_copy_of_the_end_keeps_the_pipe_open, .timeout = 10)
{
	struct hd_snapshot *s = stuck_child();
	struct hd_kill_child plan;
	struct hd_object *pipe = polled_pipe(s, true);
	sample_proc(s, 6000, 4000, "prog", "prog", NULL);
	sample_read_object(s, sample_thread(s, 6000, "prog", 'S'), pipe);
	sample_holder(pipe, 2, 3, true, false);
	sample_holder(pipe, 2, 4, false, true);
	cr_assert_not_null(strstr(refusal(s, &plan), "would still be stuck"), "%s", plan.refusal);
	hd_snapshot_free(s);
}

Test(killchild, an_eventfd_tells_nobody_that_the_last_one_who_could_write_is_gone, .timeout = 10)
{
	struct hd_snapshot *s = stuck_child();
	struct hd_kill_child plan;
	struct hd_object *event = polled_pipe(s, true);
	event->kind = HD_OBJ_EVENTFD;
	event->label = "eventfd";
	cr_assert_not_null(strstr(refusal(s, &plan), "4000 would still be stuck"), "%s", plan.refusal);
	hd_snapshot_free(s);
}
