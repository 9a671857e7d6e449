#include <criterion/criterion.h>

#include "../lib/build.h"

static struct hd_verdict *decide(struct hd_snapshot *s)
{
	const char *why;
	cr_assert_eq(hd_snapshot_check(s, &why), 0, "%s", why);
	struct hd_verdict *v = hd_decide(s, s->arena);
	cr_assert(v->certificate_ok);
	return v;
}

#define EXPECT_DEADLOCK(v, certainty_, cause_, scope_)                                                              \
	do {                                                                                                        \
		cr_expect_str_eq(hd_verdict_name((v)->kind), "deadlock");                                           \
		cr_expect_eq((v)->certainty, certainty_, "%s", (v)->summary);                                       \
		cr_expect_eq((v)->cause, cause_, "%s: %s", hd_cause_name((v)->cause), (v)->summary);                \
		cr_expect_eq((v)->scope, scope_);                                                                   \
	} while (0)

/* The classic: a thread of 4200 holds the lock, another one forks 4242, which wants it; 4200 waits for 4242. */
static void orphaned_lock(struct hd_snapshot *s)
{
	tb_lone(s, 4200, 1);
	uint32_t child = tb_lone(s, 4242, 4200);
	tb_wait4(s, 0, -1);
	tb_mutex(s, 1, 0x404060, 4205)->name = "registry_lock (in a.out)";
	tb_other(tb_fork(s, child, 4200, 8), 4205);
}

Test(verdict, a_lock_that_another_thread_held_at_the_fork_is_a_proven_deadlock, .timeout = 10)
{
	TB_SNAPSHOT(s);
	orphaned_lock(s);
	struct hd_verdict *v = decide(s);
	EXPECT_DEADLOCK(v, HD_CERT_PROVEN, HD_CAUSE_INHERITED_LOCK, HD_SCOPE_PROCESS);
	cr_expect_str_eq(v->summary, "Process 4242 (prog), forked by 4200 while 7 other threads existed, waits for ever for the "
				     "lock registry_lock (in a.out): thread 4205 (worker) held it at the fork and does not exist "
				     "in the child.");
	cr_assert_eq(v->n_culprits, 1);
	cr_expect_eq(v->culprits[0], 1);
	cr_expect_eq(v->lead, 1);
	cr_expect_eq(v->procs[1].status, HD_STATUS_DEADLOCKED);
	cr_expect_eq(v->procs[0].status, HD_STATUS_WAITING);
	cr_expect_eq(v->threads[0].root, 1);
	cr_expect_eq(v->threads[1].owner.state, HD_OWNER_INHERITED);
	cr_expect_eq(v->threads[1].owner.fork_other, 0);
	cr_expect_not(v->assumes_no_signal);
	cr_expect_eq(v->blocked_ns, HD_NS_PER_S);
}

Test(verdict, a_live_thread_beside_the_waiter_leaves_it_owned, .timeout = 10)
{
	TB_SNAPSHOT(s);
	orphaned_lock(s);
	tb_thread(s, 4243);
	struct hd_verdict *v = decide(s);
	EXPECT_DEADLOCK(v, HD_CERT_OWNED, HD_CAUSE_INHERITED_LOCK, HD_SCOPE_PROCESS);
	cr_expect_eq(v->threads[0].certainty, HD_CERT_NONE, "the child may still end by its other thread");
	cr_expect_eq(v->procs[0].status, HD_STATUS_ALIVE);
}

Test(verdict, two_threads_that_lock_crosswise_are_a_lock_cycle, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_proc(s, 10, 1);
	for (int i = 0; i < 3; i++)
		tb_thread(s, 10 + i);
	tb_mutex(s, 1, 0x100, 12);
	tb_mutex(s, 2, 0x200, 11);
	struct hd_verdict *v = decide(s);
	EXPECT_DEADLOCK(v, HD_CERT_OWNED, HD_CAUSE_LOCK_CYCLE, HD_SCOPE_PARTIAL);
	tb_futex(s, 0, 0x300); /* main waits for a wake-up as well: now nobody is left */
	v = decide(s);
	EXPECT_DEADLOCK(v, HD_CERT_PROVEN, HD_CAUSE_LOCK_CYCLE, HD_SCOPE_PROCESS);
	cr_expect_not(v->threads[0].is_culprit);
	cr_expect(v->threads[1].is_culprit && v->threads[2].is_culprit);
}

Test(verdict, a_lock_taken_twice_is_a_self_lock, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_mutex(s, 0, 0x100, 10);
	EXPECT_DEADLOCK(decide(s), HD_CERT_PROVEN, HD_CAUSE_SELF_LOCK, HD_SCOPE_PROCESS);
}

Test(verdict, ownerless_waits_of_a_forked_child_miss_a_thread_or_inherit_a_lock, .timeout = 10)
{
	const struct {
		enum hd_lock_kind kind;
		enum hd_tri held;
		enum hd_cause cause;
	} cases[] = {
		{HD_LOCK_CONDITION, HD_UNKNOWN, HD_CAUSE_MISSING_THREAD},  {HD_LOCK_BARRIER, HD_UNKNOWN, HD_CAUSE_MISSING_THREAD},
		{HD_LOCK_TEAM, HD_UNKNOWN, HD_CAUSE_MISSING_THREAD},	   {HD_LOCK_SEMAPHORE, HD_UNKNOWN, HD_CAUSE_MISSING_THREAD},
		{HD_LOCK_SEMAPHORE, HD_YES, HD_CAUSE_INHERITED_LOCK},	   {HD_LOCK_PYTHON, HD_UNKNOWN, HD_CAUSE_INHERITED_LOCK},
		{HD_LOCK_PYTHON, HD_NO, HD_CAUSE_NO_WAKER},		   {HD_LOCK_LIBC, HD_UNKNOWN, HD_CAUSE_INHERITED_LOCK},
		{HD_LOCK_CXX_GUARD, HD_UNKNOWN, HD_CAUSE_INHERITED_LOCK},  {HD_LOCK_UNKNOWN, HD_UNKNOWN, HD_CAUSE_MISSING_THREAD},
	};
	for (size_t i = 0; i < HD_COUNTOF(cases); i++) {
		TB_SNAPSHOT(s);
		orphaned_lock(s);
		s->threads[1].lock = (struct hd_lock){.kind = cases[i].kind, .held_at_fork = cases[i].held};
		EXPECT_DEADLOCK(decide(s), HD_CERT_PROVEN, cases[i].cause, HD_SCOPE_PROCESS);
		s->procs[1].has_exec = true;
		EXPECT_DEADLOCK(decide(s), HD_CERT_PROVEN, HD_CAUSE_NO_WAKER, HD_SCOPE_PROCESS);
	}
}

Test(verdict, processes_that_read_from_each_other_are_a_wait_cycle, .timeout = 10)
{
	TB_SNAPSHOT(s);
	uint32_t a = tb_lone(s, 10, 1);
	uint32_t b = tb_lone(s, 20, 10);
	uint32_t there = tb_object(s, HD_OBJ_PIPE, 1), back = tb_object(s, HD_OBJ_PIPE, 2);
	tb_hold(s, there, a, false, true);
	tb_hold(s, there, b, true, false);
	tb_hold(s, back, b, false, true);
	tb_hold(s, back, a, true, false);
	tb_on(s, 0, TB_READ, back);
	tb_on(s, 1, TB_READ, there);
	struct hd_verdict *v = decide(s);
	EXPECT_DEADLOCK(v, HD_CERT_PROVEN, HD_CAUSE_WAIT_CYCLE, HD_SCOPE_PROCESS);
	cr_expect_eq(v->n_culprits, 2);
}

Test(verdict, nothing_is_wrong_while_somebody_can_go_on, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_thread(s, 11);
	tb_futex(s, 0, 0x100);
	struct hd_verdict *v = decide(s);
	cr_expect_eq(v->kind, HD_VERDICT_NONE);
	cr_expect_eq(v->scope, HD_SCOPE_NONE);
	cr_expect_eq(v->lead, HD_NONE);
	tb_call(s, 1, TB_NANOSLEEP, 0x7000, 0, 0, 0);
	cr_expect_eq(decide(s)->kind, HD_VERDICT_NONE, "time ends a sleep");
}

Test(verdict, a_parent_that_polls_a_dead_child_is_starved, .timeout = 10)
{
	TB_SNAPSHOT(s);
	orphaned_lock(s);
	uint32_t pipe = tb_object(s, HD_OBJ_PIPE, 7);
	tb_hold(s, pipe, 1, false, true);
	tb_hold(s, pipe, 0, true, false);
	struct hd_thread *th = tb_on(s, 0, TB_POLL, pipe);
	th->args[2] = 5000;
	th->has_timeout = HD_YES;
	struct hd_verdict *v = decide(s);
	EXPECT_DEADLOCK(v, HD_CERT_PROVEN, HD_CAUSE_INHERITED_LOCK, HD_SCOPE_PROCESS);
	cr_expect(v->threads[0].is_starved);
	cr_expect_eq(v->threads[0].certainty, HD_CERT_NONE);
	cr_expect_eq(v->procs[0].status, HD_STATUS_WAITING);
}

Test(verdict, a_truncated_snapshot_proves_nothing, .timeout = 10)
{
	TB_SNAPSHOT(s);
	orphaned_lock(s);
	s->truncated = true;
	cr_expect_eq(decide(s)->kind, HD_VERDICT_NONE);
}

Test(verdict, a_handler_that_only_an_operator_triggers_is_an_assumption, .timeout = 10)
{
	TB_SNAPSHOT(s);
	orphaned_lock(s);
	s->procs[1].sig_caught = 1u << 1; /* SIGINT */
	cr_expect(decide(s)->assumes_no_signal);
	s->procs[1].sig_caught = UINT64_C(1) << 32; /* 33, the C library's */
	cr_expect_not(decide(s)->assumes_no_signal);
}

Test(verdict, a_dead_holder_of_a_shared_lock_is_named, .timeout = 10)
{
	TB_SNAPSHOT(s);
	uint32_t p = tb_lone(s, 10, 1);
	uint32_t shm = tb_object(s, HD_OBJ_SHM, 99);
	tb_hold(s, shm, p, true, true);
	s->objects[shm].outside = "the file still has a name";
	struct hd_lock *lock = tb_mutex(s, 0, 0x100, 77);
	lock->is_pshared = true;
	s->threads[0].args[1] = TB_WAIT_SHARED;
	s->threads[0].words[0].op_private = false;
	s->threads[0].words[0].mapping = HD_MAPPING_SHARED;
	s->threads[0].words[0].sharers_object = shm;
	cr_expect_eq(decide(s)->kind, HD_VERDICT_NONE, "whether 77 exists was not looked up");
	lock->owner_exists = HD_NO;
	EXPECT_DEADLOCK(decide(s), HD_CERT_OWNED, HD_CAUSE_DEAD_HOLDER, HD_SCOPE_PROCESS);
	s->objects[shm].outside = NULL;
	EXPECT_DEADLOCK(decide(s), HD_CERT_PROVEN, HD_CAUSE_DEAD_HOLDER, HD_SCOPE_PROCESS);
	s->objects[shm].outside = "the file still has a name";
	lock->is_robust = true;
	cr_expect_eq(decide(s)->kind, HD_VERDICT_NONE, "the kernel hands a robust lock on");
}

Test(verdict, whom_nobody_could_look_into_may_be_all_that_keeps_it_open, .timeout = 10)
{
	TB_SNAPSHOT(s);
	uint32_t p = tb_lone(s, 10, 1);
	uint32_t shm = tb_object(s, HD_OBJ_SHM, 99);
	tb_hold(s, shm, p, true, true);
	tb_futex(s, 0, 0x100);
	s->threads[0].args[1] = TB_WAIT_SHARED;
	s->threads[0].words[0].op_private = false;
	s->threads[0].words[0].mapping = HD_MAPPING_SHARED;
	s->threads[0].words[0].sharers_object = shm;
	s->objects[shm].outside = "process 1 may hold it";
	cr_expect_null(decide(s)->unseen, "it may hold it for good reason");
	s->objects[shm].is_unseen = true;
	const struct hd_verdict *v = decide(s);
	cr_expect_eq(v->kind, HD_VERDICT_NONE, "not seen is no proof");
	cr_expect_str_eq(v->unseen, "process 1 may hold it");
	s->threads[0].is_still = false;
	cr_expect_null(decide(s)->unseen, "it moves");
}

Test(verdict, a_lost_child_and_who_waits_for_it_are_named, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_thread(s, 11);
	tb_futex(s, 1, 0x100);
	s->lost[s->n_lost++] = (struct hd_lost){.pid = 12, .signal = 9, .status = -1, .ppid = 10};
	s->lost[s->n_lost++] = (struct hd_lost){.pid = 13, .signal = 9, .status = -1, .ppid = 99};
	struct hd_verdict *v = decide(s);
	cr_expect_eq(v->lost_waiters[0], 11);
	cr_expect_eq(v->lost_waiters[1], 0);
}

Test(verdict, a_stall_is_only_suspected, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_call(s, 0, TB_NANOSLEEP, 0x7000, 0, 0, 0);
	struct hd_verdict *v = decide(s);
	hd_verdict_stall(s, v, 300 * HD_NS_PER_S, s->arena);
	cr_expect_str_eq(hd_verdict_name(v->kind), "stall");
	cr_expect_eq(v->certainty, HD_CERT_SUSPECTED);
	cr_expect_eq(v->cause, HD_CAUSE_UNKNOWN);
	cr_expect_eq(v->culprits[0], 0);
}

Test(verdict, a_stall_is_told_by_the_copy_that_polls_for_threads_it_does_not_have, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_call(s, 0, TB_NANOSLEEP, 0x7000, 0, 0, 0);
	s->threads[0].blocked_ns = 100 * HD_NS_PER_S;
	uint32_t child = tb_lone(s, 20, 10);
	tb_call(s, 1, TB_NANOSLEEP, 0x7000, 0, 0, 0);
	s->threads[1].is_still = false;
	s->threads[1].repeat_ns = 6 * HD_NS_PER_S;
	tb_fork(s, child, 10, 7);
	struct hd_verdict *v = decide(s);
	hd_verdict_stall(s, v, 300 * HD_NS_PER_S, s->arena);
	cr_expect_eq(v->lead, 1);
	cr_expect_eq(v->culprits[0], child);
	cr_expect_not_null(strstr(v->summary, "forked by 10 while 6 other threads existed, wakes up again and again"), "%s", v->summary);
}

Test(verdict, a_live_relative_may_send_a_signal_that_the_waiter_handles, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1); /* runs */
	tb_lone(s, 20, 10);
	tb_futex(s, 1, 0x100);
	s->procs[1].sig_caught = 1u << 1; /* SIGINT: an operator's */
	cr_expect_eq(decide(s)->kind, HD_VERDICT_DEADLOCK);
	s->procs[1].sig_caught = 1u << 9; /* SIGUSR1 */
	struct hd_verdict *v = decide(s);
	cr_expect_eq(v->kind, HD_VERDICT_NONE);
	cr_expect_not_null(v->threads[1].wait.outside);
	s->threads[1].sig_blocked = 1u << 9;
	cr_expect_eq(decide(s)->kind, HD_VERDICT_DEADLOCK, "it blocks the signal");
	s->threads[1].sig_blocked = 0;
	tb_wait4(s, 0, 20);
	cr_expect_eq(decide(s)->certainty, HD_CERT_PROVEN, "the only relative waits for it");
}

Test(verdict, who_is_dead_only_because_the_owner_of_a_lock_is_hears_signals_too, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1); /* runs, and shares the lock's memory */
	uint32_t holder = tb_lone(s, 20, 10), writer = tb_lone(s, 21, 20);
	uint32_t memory = tb_object(s, HD_OBJ_SHM, 1), pipe = tb_object(s, HD_OBJ_PIPE, 2);
	for (uint32_t p = 0; p < 3; p++)
		tb_hold(s, memory, p, true, true);
	tb_hold(s, pipe, holder, true, false);
	tb_hold(s, pipe, writer, false, true);
	tb_on(s, 1, TB_READ, pipe);
	tb_mutex(s, 2, 0x100, 20);
	s->threads[2].args[1] = TB_WAIT_SHARED;
	s->threads[2].words[0].op_private = false;
	s->threads[2].words[0].mapping = HD_MAPPING_SHARED;
	s->threads[2].words[0].sharers_object = memory;
	cr_expect_eq(decide(s)->certainty, HD_CERT_OWNED);
	s->procs[holder].sig_caught = 1u << 9; /* SIGUSR1 */
	cr_expect_eq(decide(s)->kind, HD_VERDICT_NONE, "process 10 may send it, and it may end the read");
	s->procs[0].in_tree = false;
	cr_expect_eq(decide(s)->certainty, HD_CERT_OWNED, "nobody of the tree can");
}

Test(verdict, a_wait_for_an_event_may_end_by_the_sigterm_of_a_relative_but_a_lock_does_not, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1); /* runs */
	tb_lone(s, 20, 10);
	tb_futex(s, 1, 0x100);
	s->procs[1].sig_caught = 1u << 14; /* SIGTERM */
	cr_expect_eq(decide(s)->kind, HD_VERDICT_NONE, "an unknown word may be an event");
	s->threads[1].lock.kind = HD_LOCK_PYTHON;
	cr_expect_eq(decide(s)->kind, HD_VERDICT_NONE);
	s->threads[1].lock.held_at_fork = HD_YES;
	cr_expect_eq(decide(s)->kind, HD_VERDICT_DEADLOCK, "it was taken at the fork: a lock");
	s->threads[1].lock = (struct hd_lock){.kind = HD_LOCK_TEAM};
	cr_expect_eq(decide(s)->kind, HD_VERDICT_DEADLOCK, "no handler plays an OpenMP team");
}

Test(verdict, a_lock_copied_by_two_forks_is_inherited, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 4200, 1);
	uint32_t child = tb_lone(s, 4242, 4200);
	uint32_t again = tb_lone(s, 4300, 4242);
	tb_other(tb_fork(s, child, 4200, 8), 4205);
	tb_fork(s, again, 4242, 1);
	tb_wait4(s, 0, 4242);
	tb_wait4(s, 1, 4300);
	tb_mutex(s, 2, 0x404060, 4205);
	struct hd_verdict *v = decide(s);
	EXPECT_DEADLOCK(v, HD_CERT_PROVEN, HD_CAUSE_INHERITED_LOCK, HD_SCOPE_PROCESS);
	cr_assert_eq(v->n_culprits, 1, "%u culprits", v->n_culprits);
	cr_expect_eq(s->procs[v->culprits[0]].pid, 4300);
	cr_expect_eq(v->threads[2].owner.tid, 4205);
	cr_expect_eq(v->threads[2].owner.fork_other, HD_NONE, "it is no row of this process's own fork");
}
