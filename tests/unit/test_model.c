#include <criterion/criterion.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/forkev.h"
#include "hangdog/model.h"

static struct hd_event birth(int32_t parent, int32_t child, enum hd_birth how)
{
	return (struct hd_event){.kind = HD_EV_NEW_PROCESS,
				 .tid = parent,
				 .pid = parent,
				 .other = child,
				 .birth = how,
				 .start = (uint64_t)child * 10,
				 .time_ns = child,
				 .comm = "child"};
}

static struct hd_event ending(int32_t pid, int32_t status)
{
	return (struct hd_event){.kind = HD_EV_EXIT, .tid = pid, .pid = pid, .status = status, .time_ns = 7};
}

static struct hd_event execs(int32_t pid, const char *comm)
{
	struct hd_event ev = {.kind = HD_EV_EXEC, .tid = pid, .pid = pid, .other = pid};
	snprintf(ev.comm, sizeof(ev.comm), "%s", comm);
	return ev;
}

static struct hd_event with_evidence(struct hd_event ev, uint32_t threads)
{
	ev.fork_arena = hd_arena_new();
	ev.fork = HD_NEW(ev.fork_arena, struct hd_fork);
	ev.fork->parent_threads = threads;
	return ev;
}

static void apply(struct hd_model *model, struct hd_event ev)
{
	hd_model_apply(model, &ev);
}

static struct hd_model *with_root(int32_t pid)
{
	struct hd_model *model = hd_model_new();
	hd_model_add(model, pid, 0, (uint64_t)pid * 10, 1);
	return model;
}

Test(model, a_fork_adds_a_child_with_its_creator_and_an_exit_removes_it, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	apply(model, birth(100, 101, HD_BIRTH_FORK));
	cr_assert_eq(hd_model_count(model), 2);
	const struct hd_model_proc *child = hd_model_find(model, 101);
	cr_assert_eq(child->ppid, 100);
	cr_assert_eq(child->start, 1010);
	cr_assert_not(child->shares_mm);
	cr_assert_str_eq(child->comm, "child");
	apply(model, ending(101, 0));
	cr_assert_null(hd_model_find(model, 101));
	cr_assert_eq(hd_model_count(model), 1);
	cr_assert_eq(hd_model_lost_count(model), 0, "a clean end is no loss");
	hd_model_free(model);
}

Test(model, the_creator_is_the_process_not_the_thread_that_called_fork, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	struct hd_event ev = birth(105, 110, HD_BIRTH_FORK);
	ev.pid = 100;
	apply(model, ev);
	cr_assert_eq(hd_model_find(model, 110)->ppid, 100);
	hd_model_free(model);
}

Test(model, a_vfork_child_shares_memory_until_it_execs, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	apply(model, birth(100, 101, HD_BIRTH_VFORK));
	apply(model, birth(100, 102, HD_BIRTH_CLONE_VM));
	cr_assert(hd_model_find(model, 101)->shares_mm);
	cr_assert(hd_model_find(model, 102)->shares_mm);
	apply(model, execs(101, "ls"));
	cr_assert_not(hd_model_find(model, 101)->shares_mm);
	cr_assert(hd_model_find(model, 101)->has_exec);
	cr_assert_str_eq(hd_model_find(model, 101)->comm, "ls");
	hd_model_free(model);
}

Test(model, threads_are_counted_and_their_ends_do_not_end_the_process, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	apply(model, (struct hd_event){.kind = HD_EV_NEW_THREAD, .tid = 100, .pid = 100, .other = 103});
	cr_assert_eq(hd_model_find(model, 100)->n_threads, 2);
	apply(model, (struct hd_event){.kind = HD_EV_EXIT, .tid = 103, .pid = 100});
	cr_assert_eq(hd_model_find(model, 100)->n_threads, 1);
	cr_assert_eq(hd_model_count(model), 1);
	hd_model_free(model);
}

Test(model, fork_evidence_lives_until_exec, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	apply(model, with_evidence(birth(100, 101, HD_BIRTH_FORK), 3));
	cr_assert_eq(hd_model_find(model, 101)->fork->parent_threads, 3);
	apply(model, execs(101, "sh"));
	cr_assert_null(hd_model_find(model, 101)->fork);
	hd_model_free(model);
}

static struct hd_event with_others(struct hd_event ev, uint32_t n, int32_t first_tid, uint64_t first_tls)
{
	ev = with_evidence(ev, n + 1);
	struct hd_fork_raw *raw = HD_NEW(ev.fork_arena, struct hd_fork_raw);
	raw->others = HD_NEW_N(ev.fork_arena, (size_t)n + 1, struct hd_fork_raw_other);
	ev.fork->raw = raw;
	ev.fork->parent_pid = ev.pid;
	ev.fork->n_others = n;
	ev.fork->others = HD_NEW_N(ev.fork_arena, (size_t)n + 1, struct hd_fork_other);
	for (uint32_t i = 0; i < n; i++) {
		raw->others[i].regs.sp = 0x5000 + i;
		ev.fork->others[i] = (struct hd_fork_other){.tid = first_tid + (int32_t)i, .tls = first_tls + i, .sp = 0x5000 + i,
							    .name = hd_arena_str(ev.fork_arena, "worker"), .how = HD_HOW_BLOCKED};
	}
	return ev;
}

Test(model, a_copy_of_a_copy_lacks_the_threads_of_both_also_when_the_middle_has_gone, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	apply(model, with_others(birth(100, 101, HD_BIRTH_FORK), 2, 11, 0x700));
	apply(model, with_others(birth(101, 102, HD_BIRTH_FORK), 0, 0, 0));
	apply(model, with_others(birth(102, 103, HD_BIRTH_FORK), 1, 21, 0x701)); /* its thread runs where 12 ran */
	apply(model, ending(101, 0));
	apply(model, ending(102, 0));
	const struct hd_fork *fork = hd_model_find(model, 103)->fork;
	cr_assert_eq(fork->n_others, 3u);
	cr_expect_eq(fork->others[0].tid, 21);
	cr_expect_eq(fork->others[0].pid, 0, "the parent's own");
	cr_expect_eq(fork->others[1].tid, 11);
	cr_expect_eq(fork->others[1].pid, 100);
	cr_expect_str_eq(fork->others[1].name, "worker");
	cr_expect_eq(fork->raw->others[1].regs.sp, 0x5000u);
	cr_expect_eq(fork->others[2].tid, 12);
	cr_expect_eq(fork->others[2].tls, 0u, "another thread's stack by now");
	cr_expect_eq(fork->raw->others[2].regs.sp, 0u);
	cr_expect_eq(fork->parent_threads, 2u);
	hd_model_free(model);
}

Test(model, what_has_execd_hands_no_lost_threads_on, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	apply(model, with_others(birth(100, 101, HD_BIRTH_FORK), 2, 11, 0x700));
	apply(model, execs(101, "sh"));
	apply(model, with_others(birth(101, 102, HD_BIRTH_FORK), 0, 0, 0));
	cr_expect_eq(hd_model_find(model, 102)->fork->n_others, 0u);
	hd_model_free(model);
}

Test(model, a_fork_of_a_threaded_parent_is_a_hazard_and_its_evidence_outlives_the_child, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	hd_model_want_hazards(model);
	uint64_t total;
	apply(model, birth(100, 101, HD_BIRTH_FORK));
	cr_assert_eq(hd_model_hazard_count(model, &total), 0, "one thread: no hazard");
	apply(model, with_evidence(birth(100, 102, HD_BIRTH_FORK), 3));
	apply(model, birth(100, 103, HD_BIRTH_VFORK));
	apply(model, ending(102, SIGKILL));
	cr_assert_eq(hd_model_hazard_count(model, &total), 1);
	cr_assert_eq(total, 1);
	const struct hd_model_hazard *hazard = hd_model_hazard(model, 0);
	cr_assert_eq(hazard->pid, 102);
	cr_assert_eq(hazard->parent_threads, 3);
	cr_assert_eq(hazard->fork->parent_threads, 3);
	cr_assert(hazard->ended);
	cr_assert_eq(hazard->status, SIGKILL);
	hd_model_free(model);
}

Test(model, counted_threads_make_a_hazard_where_no_evidence_was_taken, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	hd_model_want_hazards(model);
	apply(model, (struct hd_event){.kind = HD_EV_NEW_THREAD, .tid = 100, .pid = 100, .other = 105});
	apply(model, birth(100, 106, HD_BIRTH_FORK));
	cr_assert_eq(hd_model_hazard_count(model, NULL), 1);
	apply(model, execs(106, "true"));
	cr_assert(hd_model_hazard(model, 0)->has_exec);
	hd_model_free(model);
}

Test(model, hazards_beyond_the_bound_are_only_counted, .timeout = 10)
{
	struct hd_model *model = with_root(1);
	hd_model_want_hazards(model);
	uint64_t total;
	for (int32_t pid = 2; pid < 5002; pid++) {
		apply(model, with_evidence(birth(1, pid, HD_BIRTH_FORK), 2));
		apply(model, ending(pid, 0));
	}
	cr_assert_eq(hd_model_hazard_count(model, &total), 4096);
	cr_assert_eq(total, 5000);
	hd_model_free(model);
}

static struct hd_event with_bytes(struct hd_event ev, size_t bytes)
{
	ev = with_evidence(ev, 2);
	(void)hd_arena_alloc(ev.fork_arena, 1, bytes);
	return ev;
}

Test(model, who_does_not_ask_for_hazards_keeps_nothing_of_the_dead, .timeout = 10)
{
	struct hd_model *model = with_root(1);
	struct mallinfo2 before = mallinfo2();
	for (int32_t pid = 2; pid < 1002; pid++) {
		apply(model, with_bytes(birth(1, pid, HD_BIRTH_FORK), 100000));
		apply(model, ending(pid, 0));
	}
	cr_assert_eq(hd_model_hazard_count(model, NULL), 0);
	cr_assert_lt(mallinfo2().uordblks, before.uordblks + 100000);
	hd_model_free(model);
}

Test(model, the_evidence_of_hazards_is_bounded, .timeout = 10)
{
	struct hd_model *model = with_root(1);
	hd_model_want_hazards(model);
	for (int32_t pid = 2; pid < 6; pid++) {
		apply(model, with_bytes(birth(1, pid, HD_BIRTH_FORK), 30 << 20));
		cr_assert_not_null(hd_model_find(model, pid)->fork, "the child keeps its own");
		apply(model, ending(pid, 0));
	}
	cr_assert_eq(hd_model_hazard_count(model, NULL), 4);
	cr_assert_not_null(hd_model_hazard(model, 1)->fork);
	cr_assert_null(hd_model_hazard(model, 2)->fork);
	cr_assert_eq(hd_model_hazard(model, 3)->parent_threads, 2);
	hd_model_free(model);
}

Test(model, bad_ends_are_kept_newest_last_and_only_the_last_64, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	for (int32_t pid = 200; pid < 300; pid++) {
		apply(model, birth(100, pid, HD_BIRTH_FORK));
		apply(model, ending(pid, pid % 2 == 0 ? SIGSEGV : 3 << 8));
	}
	cr_assert_eq(hd_model_lost_count(model), 64);
	cr_assert_eq(hd_model_lost(model, 0)->pid, 236);
	const struct hd_lost *last = hd_model_lost(model, 63);
	cr_assert_eq(last->pid, 299);
	cr_assert_eq(last->signal, 0);
	cr_assert_eq(last->status, 3);
	cr_assert_eq(last->ppid, 100);
	cr_assert_str_eq(last->comm, "child");
	cr_assert_eq(hd_model_lost(model, 62)->signal, SIGSEGV);
	cr_assert_eq(hd_model_lost(model, 62)->status, -1);
	hd_model_lost_clear(model);
	cr_assert_eq(hd_model_lost_count(model), 0);
	hd_model_free(model);
}

Test(model, the_sequence_moves_with_every_coming_and_going_and_only_then, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	uint64_t seq = hd_model_sequence(model);
	apply(model, (struct hd_event){.kind = HD_EV_SIGNAL, .tid = 100, .signal = SIGCHLD});
	apply(model, (struct hd_event){.kind = HD_EV_GROUP_STOP, .tid = 100, .signal = SIGSTOP});
	apply(model, ending(4711, 0));
	cr_assert_eq(hd_model_sequence(model), seq);
	struct hd_event changes[] = {birth(100, 101, HD_BIRTH_FORK), execs(101, "x"), ending(101, 0)};
	for (size_t i = 0; i < HD_COUNTOF(changes); i++) {
		apply(model, changes[i]);
		cr_assert_gt(hd_model_sequence(model), seq);
		seq = hd_model_sequence(model);
	}
	hd_model_free(model);
}

Test(model, a_pid_that_is_used_again_is_a_new_process, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	apply(model, birth(100, 101, HD_BIRTH_FORK));
	struct hd_event again = birth(100, 101, HD_BIRTH_VFORK);
	again.start = 99999;
	apply(model, again);
	cr_assert_eq(hd_model_count(model), 2);
	cr_assert_eq(hd_model_find(model, 101)->start, 99999);
	cr_assert(hd_model_find(model, 101)->shares_mm);
	hd_model_free(model);
}

Test(model, a_birth_told_twice_is_one_process, .timeout = 10)
{
	struct hd_model *model = with_root(100);
	apply(model, with_evidence(birth(100, 101, HD_BIRTH_FORK), 1));
	uint64_t seq = hd_model_sequence(model);
	apply(model, with_evidence(birth(100, 101, HD_BIRTH_FORK), 1));
	hd_model_add(model, 101, 100, 1010, 5);
	cr_assert_eq(hd_model_count(model), 2);
	cr_assert_eq(hd_model_sequence(model), seq);
	hd_model_free(model);
}

Test(model, ten_thousand_processes_come_and_go_and_every_living_one_is_listed_once, .timeout = 30)
{
	struct hd_model *model = with_root(1);
	for (int32_t pid = 2; pid <= 10001; pid++)
		apply(model, birth(1, pid, HD_BIRTH_FORK));
	for (int32_t pid = 2; pid <= 10001; pid += 3)
		apply(model, ending(pid, 0));
	static uint8_t seen[10002];
	for (size_t i = 0; i < hd_model_count(model); i++) {
		int32_t pid = hd_model_at(model, i)->pid;
		cr_assert_eq(seen[pid]++, 0);
		cr_assert(pid == 1 || (pid - 2) % 3 != 0);
	}
	cr_assert_eq(hd_model_count(model), 10001 - 3334);
	hd_model_free(model);
}
