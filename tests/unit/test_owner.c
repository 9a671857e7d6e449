#include <criterion/criterion.h>

#include "../lib/build.h"
#include "core/owner.h"

static struct hd_owner owner_of(struct hd_snapshot *s, uint32_t t)
{
	struct hd_lookup lookup = hd_lookup_make(s, s->arena);
	return hd_owner_find(s, &lookup, t);
}

/* 4242, forked by 4200 (forker 4200, others 4205 and 4206), waits in thread `t` = 1 for a lock of `tid`. */
static struct hd_lock *forked_waiter(struct hd_snapshot *s, int32_t tid)
{
	tb_lone(s, 4200, 1);
	uint32_t child = tb_lone(s, 4242, 4200);
	struct hd_fork *fork = tb_fork(s, child, 4200, 3);
	tb_other(fork, 4205);
	tb_other(fork, 4206);
	return tb_mutex(s, 1, 0x100, tid);
}

Test(owner, a_number_of_the_parent_is_an_inherited_owner, .timeout = 10)
{
	TB_SNAPSHOT(s);
	forked_waiter(s, 4206);
	struct hd_owner owner = owner_of(s, 1);
	cr_expect_eq(owner.state, HD_OWNER_INHERITED);
	cr_expect_eq(owner.fork_other, 1u);
	cr_expect_eq(owner.tid, 4206);
	cr_expect_eq(owner.pid, 4200);
	cr_expect(hd_owner_counts(&s->threads[1], &owner));
}

Test(owner, the_forking_thread_is_known_under_its_old_number, .timeout = 10)
{
	TB_SNAPSHOT(s);
	forked_waiter(s, 4200);
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_FORKER);
}

Test(owner, what_the_forking_thread_holds_its_continuation_may_release, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_lock *lock = forked_waiter(s, 4200);
	tb_thread(s, 4243);
	struct hd_lock copy = *lock;
	tb_futex(s, 2, 0x100)->lock = copy; /* now the second thread waits, and the first one, the forker, runs */
	s->threads[1] = (struct hd_thread){.tid = 4242, .ns_tid = 4242, .proc = 1, .state = 'R', .name = "main"};
	cr_expect_eq(hd_decide(s, s->arena)->kind, HD_VERDICT_NONE);
	s->procs[1].fork = NULL;
	cr_expect_eq(hd_decide(s, s->arena)->kind, HD_VERDICT_NONE, "nobody saw the fork: it may be the forker all the same");
	s->procs[1].has_exec = true;
	cr_expect_eq(hd_decide(s, s->arena)->certainty, HD_CERT_OWNED, "after exec nothing is inherited: the owner has ended");
}

Test(owner, a_fork_before_the_one_that_was_seen_may_have_copied_the_holder_too, .timeout = 10)
{
	TB_SNAPSHOT(s);
	forked_waiter(s, 999);
	tb_thread(s, 4243);
	struct hd_lock copy = s->threads[1].lock;
	tb_futex(s, 2, 0x100)->lock = copy; /* the second thread waits, the first one runs */
	s->threads[1] = (struct hd_thread){.tid = 4242, .ns_tid = 4242, .proc = 1, .state = 'R', .name = "main"};
	cr_expect_eq(hd_decide(s, s->arena)->kind, HD_VERDICT_NONE, "4200 may be the copy of 999, and 4242 of 4200");
	s->procs[0].has_exec = true;
	cr_expect_eq(hd_decide(s, s->arena)->certainty, HD_CERT_OWNED, "4200 began anew: it copied nothing");
	s->procs[1].fork->parent_pid = 4100;
	cr_expect_eq(hd_decide(s, s->arena)->kind, HD_VERDICT_NONE, "its parent is not the one that forked it");
	s->procs[1].fork->parent_pid = 4200;
	s->procs[0].has_exec = false;
	s->threads[2].lock.owner_tid = 4205;
	cr_expect_eq(hd_decide(s, s->arena)->certainty, HD_CERT_OWNED, "recorded as one that was not copied");
}

Test(owner, a_living_thread_with_that_number_wins, .timeout = 10)
{
	TB_SNAPSHOT(s);
	forked_waiter(s, 4205);
	tb_thread(s, 4205); /* the child's own, number used again */
	struct hd_owner owner = owner_of(s, 1);
	cr_expect_eq(owner.state, HD_OWNER_THREAD);
	cr_expect_eq(owner.thread, 2u);
	s->threads[2].state = 'Z';
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_INHERITED);
}

Test(owner, the_waiter_itself_is_a_self_lock_unless_it_is_recursive, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_lock *lock = forked_waiter(s, 4242);
	struct hd_owner owner = owner_of(s, 1);
	cr_expect_eq(owner.state, HD_OWNER_SELF);
	cr_expect(hd_owner_counts(&s->threads[1], &owner));
	lock->is_recursive = true;
	cr_expect_not(hd_owner_counts(&s->threads[1], &owner));
}

Test(owner, numbers_count_in_the_namespace_of_the_process, .timeout = 10)
{
	TB_SNAPSHOT(s);
	forked_waiter(s, 1);
	s->procs[1].pid_ns = 2;
	s->procs[1].ns_pid = s->threads[1].ns_tid = 1;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_SELF);
	s->procs[0].ns_pid = s->threads[0].ns_tid = 1; /* a stranger's number in another namespace */
	cr_expect_eq(owner_of(s, 1).thread, 1u);
}

Test(owner, nobody_is_called_gone_while_not_all_threads_were_seen, .timeout = 10)
{
	TB_SNAPSHOT(s);
	forked_waiter(s, 999);
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_INHERITED);
	s->procs[1].threads_complete = false;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_NONE);
	s->procs[1].threads_complete = true;
	s->procs[1].mm_shared_outside = HD_UNKNOWN;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_NONE);
	s->procs[1].mm_shared_outside = HD_NO;
	s->procs[1].fork->parent_threads = 1;
	s->procs[1].fork->n_others = 0;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_DEAD, "the parent had no other thread: one of the child's own ended");
}

Test(owner, doubtful_locks_have_no_owner_that_counts, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_lock *lock = forked_waiter(s, 4205), good = *lock;
	struct hd_owner owner = owner_of(s, 1);
	lock->owner_releases = false;
	cr_expect_not(hd_owner_counts(&s->threads[1], &owner));
	*lock = good;
	lock->confidence = HD_CONF_LOW;
	owner = owner_of(s, 1);
	cr_expect_not(hd_owner_counts(&s->threads[1], &owner));
	*lock = good;
	lock->is_held = false;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_NONE);
}

Test(owner, a_thread_pointer_names_a_thread, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_lock *lock = forked_waiter(s, 0);
	tb_thread(s, 4243);
	lock->owner_tcb = 0x9000;
	s->threads[1].tls = 0x8000;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_NONE, "a thread whose pointer is not known may be the one");
	s->threads[2].tls = 0x9000;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_THREAD);
	s->threads[2].tls = 0xa000;
	s->procs[1].fork->others[0].tls = 0x9000;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_INHERITED);
	s->threads[2].tls = 0x9000; /* a new thread runs on the dead one's stack: it may be either */
	struct hd_owner owner = owner_of(s, 1);
	cr_expect_not(hd_owner_counts(&s->threads[1], &owner));
}

Test(owner, a_robust_lock_of_an_ended_thread_is_handed_on_by_the_kernel, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_mutex(s, 0, 0x100, 77)->is_robust = true;
	struct hd_owner owner = owner_of(s, 0);
	cr_expect_eq(owner.state, HD_OWNER_DEAD);
	cr_expect_not(hd_owner_counts(&s->threads[0], &owner));
}

Test(owner, a_shared_lock_is_owned_anywhere, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	struct hd_lock *lock = tb_mutex(s, 0, 0x100, 20);
	s->threads[0].words[0].mapping = HD_MAPPING_SHARED;
	cr_expect_eq(owner_of(s, 0).state, HD_OWNER_NONE);
	lock->owner_exists = HD_YES;
	cr_expect_eq(owner_of(s, 0).state, HD_OWNER_ELSEWHERE);
	lock->owner_exists = HD_NO;
	cr_expect_eq(owner_of(s, 0).state, HD_OWNER_DEAD);
	tb_lone(s, 20, 1);
	struct hd_owner owner = owner_of(s, 0);
	cr_expect_eq(owner.state, HD_OWNER_THREAD);
	cr_expect_eq(owner.thread, 1u);
	cr_expect_eq(owner.pid, 20);
}

/* A Python lock, in which nobody is written. */
static struct hd_lock *forked_python_waiter(struct hd_snapshot *s)
{
	struct hd_lock *lock = forked_waiter(s, 0);
	lock->kind = HD_LOCK_PYTHON;
	lock->owner_tid = 0;
	lock->owner_releases = false;
	return lock;
}

Test(owner, who_stands_inside_explains_but_never_counts, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_lock *lock = forked_python_waiter(s);
	lock->inside_tid = 4242;
	lock->inside_confidence = HD_CONF_LOW;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_NONE, "a guess");
	lock->inside_confidence = HD_CONF_HIGH;
	struct hd_owner owner = owner_of(s, 1);
	cr_expect_eq(owner.state, HD_OWNER_SELF);
	cr_expect(owner.is_seen_inside);
	cr_expect(hd_owner_explains(&s->threads[1], &owner));
	cr_expect_not(hd_owner_counts(&s->threads[1], &owner));
}

Test(owner, what_the_forker_was_inside_of_is_its_continuations, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_lock *lock = forked_python_waiter(s);
	lock->held_at_fork = HD_YES;
	lock->fork_owner_tid = 4200;
	lock->fork_owner_confidence = HD_CONF_HIGH;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_SELF);
	lock->fork_owner_tid = 4205;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_NONE, "that one was not copied");
	lock->fork_owner_tid = 4200;
	lock->fork_owner_confidence = HD_CONF_LOW;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_NONE, "a guess");
}

Test(owner, a_thread_of_another_process_is_not_inside, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_lock *lock = forked_python_waiter(s);
	lock->inside_tid = 4200;
	lock->inside_confidence = HD_CONF_HIGH;
	cr_expect_eq(owner_of(s, 1).state, HD_OWNER_NONE);
}
