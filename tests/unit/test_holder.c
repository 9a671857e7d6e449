/* Who held the lock at the fork, as far as stacks tell. */
#include <criterion/criterion.h>

#include "../lib/sample.h"
#include "core/holder.h"

TestSuite(holder, .timeout = 10);

#define LIBC "/lib/libc.so.6"
#define CXX "/lib/libstdc++.so.6"

/* Process 200, forked by 100 while `n` others (101, ...) existed; its only thread wants a lock. */
static struct hd_lock *forked(struct hd_snapshot *s, uint32_t n, enum hd_lock_kind kind, const char *stack)
{
	sample_proc(s, 200, 100, "prog", "prog", NULL);
	sample_fork(s, 100, 100, n);
	struct hd_thread *t = sample_thread(s, 200, "prog", 'S');
	t->stack = sample_stack(s, stack);
	return sample_futex(s, t, 0x1000, kind);
}

static struct hd_fork_other *other(struct hd_snapshot *s, uint32_t i, const char *stack)
{
	s->procs[0].fork->others[i].stack = sample_stack(s, stack);
	return &s->procs[0].fork->others[i];
}

static struct hd_fork_holder holder(struct hd_snapshot *s)
{
	return hd_decide(s, s->arena)->threads[0].holder;
}

#define WANTS_TIME "__lll_lock_wait@" LIBC "\nlocaltime_r@" LIBC "\nshow@/bin/prog\nmain@/bin/prog"

Test(holder, whoever_is_in_a_function_of_the_same_libc_lock_holds_it)
{
	struct hd_snapshot *s = sample_new();
	forked(s, 3, HD_LOCK_LIBC, WANTS_TIME)->api = "localtime_r";
	other(s, 0, "read@" LIBC "\nserve@/bin/prog");
	other(s, 1, "read@" LIBC "\nmktime@" LIBC "\nstamp@/bin/prog");
	other(s, 2, "localtime@/bin/prog\nserve@/bin/prog");
	struct hd_fork_holder h = holder(s);
	cr_expect_eq(h.tid, 102);
	cr_expect_eq(h.other, 1);
	cr_expect_eq(h.confidence, HD_CONF_HIGH);
	s->procs[0].fork->others[1].is_approximate = true;
	cr_expect_eq(holder(s).confidence, HD_CONF_LOW, "it had been running: nearly there is not there");
	hd_snapshot_free(s);
}

Test(holder, who_waits_for_the_same_word_does_not_hold_it)
{
	struct hd_snapshot *s = sample_new();
	forked(s, 2, HD_LOCK_LIBC, WANTS_TIME)->api = "localtime_r";
	struct hd_fork_other *waits = other(s, 0, WANTS_TIME);
	waits->nr = SAMPLE_NR_FUTEX;
	waits->args[0] = 0x1000;
	other(s, 1, "read@" LIBC "\ntzset@" LIBC "\nstamp@/bin/prog");
	cr_expect_eq(holder(s).tid, 102);
	waits->args[0] = 0x2000;
	cr_expect_eq(holder(s).tid, 0, "two are inside: nobody in particular");
	hd_snapshot_free(s);
}

Test(holder, a_static_variable_is_made_by_who_is_past_its_gate)
{
	struct hd_snapshot *s = sample_new();
	struct hd_lock *lock =
		forked(s, 2, HD_LOCK_CXX_GUARD, "syscall@" LIBC "\n__cxa_guard_acquire@" CXX "\ninstance()@/bin/prog\nmain@/bin/prog");
	lock->name = "guard variable for instance()::one (in prog)";
	other(s, 0, "syscall@" LIBC "\n__cxa_guard_acquire@" CXX "\ninstance()@/bin/prog\nwork@/bin/prog");
	other(s, 1, "read@" LIBC "\nConfig::load()@/bin/prog\ninstance()@/bin/prog\nwork@/bin/prog");
	cr_expect_eq(holder(s).tid, 102);
	cr_expect_eq(holder(s).confidence, HD_CONF_HIGH);
	lock->name = "guard variable for other()::one (in prog)";
	cr_expect_eq(holder(s).tid, 102);
	cr_expect_eq(holder(s).confidence, HD_CONF_LOW, "inlined here: whoever is in this function may do something else");
	hd_snapshot_free(s);
}

Test(holder, who_is_in_the_name_service_may_ask_a_server_and_hold_no_lock)
{
	struct hd_snapshot *s = sample_new();
	forked(s, 1, HD_LOCK_LIBC, "__lll_lock_wait@" LIBC "\ngetaddrinfo@" LIBC "\nmain@/bin/prog")->api = "getaddrinfo";
	other(s, 0, "poll@" LIBC "\ngetaddrinfo@" LIBC "\nconnect_to@/bin/prog");
	cr_expect_eq(holder(s).tid, 101);
	cr_expect_eq(holder(s).confidence, HD_CONF_LOW);
	hd_snapshot_free(s);
}

Test(holder, the_same_function_around_a_semaphore_is_a_guess)
{
	struct hd_snapshot *s = sample_new();
	forked(s, 2, HD_LOCK_SEMAPHORE, "sem_wait@" LIBC "\nwith_slot@/bin/prog\nmain@/bin/prog");
	other(s, 0, "poll@" LIBC "\nserve@/bin/prog");
	other(s, 1, "read@" LIBC "\nload@/bin/prog\nwith_slot@/bin/prog");
	cr_expect_eq(holder(s).tid, 102);
	cr_expect_eq(holder(s).confidence, HD_CONF_LOW);
	hd_snapshot_free(s);
}

Test(holder, a_recorded_holder_is_better_than_a_place_and_a_place_than_the_only_one)
{
	struct hd_snapshot *s = sample_new();
	struct hd_lock *lock = forked(s, 1, HD_LOCK_LIBC, WANTS_TIME);
	lock->api = "localtime_r";
	other(s, 0, "poll@" LIBC "\nserve@/bin/prog");
	cr_expect_eq(holder(s).tid, 101, "the parent had no other thread");
	cr_expect_eq(holder(s).confidence, HD_CONF_LOW, "but the forking one could have held it");
	s->procs[0].fork->parent_threads = 5;
	cr_expect_eq(holder(s).tid, 0, "four others, of which one was seen");
	lock->fork_owner_tid = 100;
	lock->fork_owner_confidence = HD_CONF_HIGH;
	cr_expect_eq(holder(s).tid, 100);
	cr_expect_eq(holder(s).other, HD_NONE, "the forking thread is none of the others");
	hd_snapshot_free(s);
}

Test(holder, without_a_fork_record_or_after_exec_there_is_none)
{
	struct hd_snapshot *s = sample_new();
	forked(s, 1, HD_LOCK_LIBC, WANTS_TIME)->api = "localtime_r";
	s->procs[0].has_exec = true;
	cr_expect_eq(holder(s).tid, 0);
	s->procs[0].has_exec = false;
	s->procs[0].fork = NULL;
	cr_expect_eq(holder(s).tid, 0);
	hd_snapshot_free(s);
}
