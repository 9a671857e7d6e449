#include <criterion/criterion.h>

#include "../lib/build.h"

static const char *summary(struct hd_snapshot *s)
{
	return hd_decide(s, s->arena)->summary;
}

static struct hd_lock *forked(struct hd_snapshot *s, int32_t owner, uint32_t parent_threads)
{
	tb_lone(s, 4200, 1);
	uint32_t child = tb_lone(s, 4242, 4200);
	tb_fork(s, child, 4200, parent_threads);
	return tb_mutex(s, 1, 0x100, owner);
}

Test(summary, the_forking_thread_itself_is_named, .timeout = 10)
{
	TB_SNAPSHOT(s);
	forked(s, 4200, 2);
	cr_expect_str_eq(summary(s), "Process 4242 (prog), forked by 4200 while another thread existed, waits for ever for a mutex: "
				     "thread 4200, which made the fork, held it then, and in the child has another number.");
}

Test(summary, an_ownerless_lock_names_whom_the_evidence_names, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_lock *lock = forked(s, 0, 3);
	*lock = (struct hd_lock){.kind = HD_LOCK_LIBC, .api = "localtime_r"};
	cr_expect_str_eq(summary(s), "Process 4242 (prog), forked by 4200 while 2 other threads existed, waits for ever for a lock inside "
				     "the C library (localtime_r): whoever held it at the fork does not exist in the child.");
	lock->held_at_fork = HD_YES;
	lock->fork_owner_tid = 4207;
	lock->fork_owner_confidence = HD_CONF_HIGH;
	cr_expect_not_null(strstr(summary(s), "thread 4207 held it at the fork and does not exist in the child."));
	lock->fork_owner_confidence = HD_CONF_LOW;
	cr_expect_not_null(strstr(summary(s), "thread 4207 probably held it at the fork and does not exist in the child."));
}

Test(summary, a_lock_cycle_tells_who_holds_what, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_thread(s, 11);
	tb_mutex(s, 0, 0x100, 11)->name = "b (in a.out)";
	tb_mutex(s, 1, 0x200, 10)->name = "a (in a.out)";
	cr_expect_str_eq(summary(s), "Process 10 (prog): 2 threads wait for each other for ever: 10 waits for the lock "
				     "b (in a.out), held by 11; 11 waits for the lock a (in a.out), held by 10.");
}

Test(summary, a_join_in_a_cycle_is_no_lock, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_thread(s, 11);
	tb_mutex(s, 0, 0x100, 11)->kind = HD_LOCK_JOIN;
	tb_mutex(s, 1, 0x200, 10)->name = "m (in a.out)";
	cr_expect_str_eq(summary(s), "Process 10 (prog): 2 threads wait for each other for ever: 10 waits for the end of 11; 11 waits "
				     "for the lock m (in a.out), held by 10.");
}

Test(summary, a_worker_thread_is_named_with_its_process, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_thread(s, 11);
	s->threads[1].py_name = "loader";
	tb_mutex(s, 1, 0x100, 11);
	cr_expect_str_eq(summary(s), "Thread 11 (loader) of process 10 (prog) waits for ever for a mutex, which it holds itself.");
}

Test(summary, names_from_the_target_cannot_break_the_line, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	s->procs[0].comm = "a\nb\x1b[31m\xff";
	tb_mutex(s, 0, 0x100, 10)->name = "x\ny";
	cr_expect_str_eq(summary(s), "Process 10 (a?b?[31m?) waits for ever for the lock x?y, which it holds itself.");
}

Test(summary, the_signature_is_made_of_what_stays_the_same, .timeout = 10)
{
	TB_SNAPSHOT(s);
	static struct hd_frame frames[] = {
		{.function = "futex_wait", .module = "/lib/x86_64-linux-gnu/libc.so.6"},
		{.function = "pthread_mutex_lock", .module = "/lib/x86_64-linux-gnu/libc.so.6"},
		{.function = "registry_add", .module = "/home/u/a.out"},
		{.kind = HD_FRAME_PYTHON, .function = "work", .file = "train.py"},
		{.function = NULL, .module = "/home/u/a.out"},
	};
	forked(s, 4205, 2)->name = "registry_lock (in a.out)";
	s->threads[1].stack = (struct hd_stack){.at = frames, .n = HD_COUNTOF(frames)};
	cr_expect_str_eq(hd_decide(s, s->arena)->signature, "inherited-lock|mutex|registry_lock (in a.out)|registry_add|work");
}

Test(summary, processes_that_wait_for_each_other_are_listed, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 10);
	uint32_t pipe = tb_object(s, HD_OBJ_PIPE, 1);
	s->objects[pipe].label = "pipe:[1]";
	tb_hold(s, pipe, 0, false, true);
	tb_on(s, 1, TB_READ, pipe);
	tb_wait4(s, 0, -1);
	cr_expect_str_eq(summary(s), "2 threads of several processes wait for each other for ever: process 10 (prog) for a child process "
				     "to end; process 20 (prog) for a pipe (pipe:[1]).");
}
