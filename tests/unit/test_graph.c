#include <criterion/criterion.h>

#include "../lib/build.h"
#include "core/graph.h"

static struct hd_verdict *decide(struct hd_snapshot *s)
{
	const char *why;
	cr_assert_eq(hd_snapshot_check(s, &why), 0, "%s", why);
	return hd_decide(s, s->arena);
}

static bool is_dead(struct hd_snapshot *s, uint32_t t)
{
	return decide(s)->threads[t].certainty == HD_CERT_PROVEN;
}

Test(graph, any_thread_of_the_same_memory_may_wake_a_private_futex, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_thread(s, 11);
	tb_futex(s, 0, 0x100);
	tb_futex(s, 1, 0x200);
	cr_expect(is_dead(s, 0) && is_dead(s, 1));
	s->threads[1].is_still = false;
	cr_expect_not(is_dead(s, 0), "a live sibling");
	s->threads[1].is_still = true;
	s->procs[0].threads_complete = false;
	cr_expect_not(is_dead(s, 0), "a sibling that was not seen");
	s->procs[0].threads_complete = true;
	s->procs[0].mm_shared_outside = HD_UNKNOWN;
	cr_expect_not(is_dead(s, 0), "a stranger in the memory");
}

Test(graph, a_clone_vm_sharer_may_wake_a_private_futex_and_a_forked_child_may_not, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 10); /* runs */
	tb_futex(s, 0, 0x100);
	cr_expect(is_dead(s, 0));
	s->procs[1].mm = s->procs[0].mm;
	cr_expect_not(is_dead(s, 0));
}

Test(graph, a_shared_futex_is_woken_by_all_who_map_the_file, .timeout = 10)
{
	TB_SNAPSHOT(s);
	uint32_t a = tb_lone(s, 10, 1);
	uint32_t b = tb_lone(s, 20, 1); /* runs */
	uint32_t shm = tb_object(s, HD_OBJ_SHM, 5);
	tb_hold(s, shm, a, true, true);
	struct hd_word *word = tb_futex(s, 0, 0x100)->words;
	s->threads[0].args[1] = TB_WAIT_SHARED;
	word->op_private = false;
	word->mapping = HD_MAPPING_SHARED;
	cr_expect_not(is_dead(s, 0), "sharers not looked up");
	word->sharers_object = shm;
	cr_expect(is_dead(s, 0));
	tb_hold(s, shm, b, true, true);
	cr_expect_not(is_dead(s, 0), "another sharer runs");
	tb_futex(s, 1, 0x100);
	cr_expect(is_dead(s, 0));
	s->objects[shm].outside = "it has a name";
	cr_expect_not(is_dead(s, 0));
	/* The private flag keys the wait by memory and address: sharers of the file cannot wake it. */
	word->op_private = true;
	s->threads[0].args[1] = TB_WAIT_PRIVATE;
	cr_expect(is_dead(s, 0));
}

Test(graph, a_shared_pi_futex_also_ends_with_its_owner, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 1); /* runs, in another memory */
	struct hd_word *word = tb_futex(s, 0, 0x100)->words;
	s->threads[0].args[1] = TB_LOCK_PI;
	word->op_private = false;
	word->value = 0x80000000u | 20;
	cr_expect_not(is_dead(s, 0));
	tb_futex(s, 1, 0x100);
	cr_expect(is_dead(s, 0));
	word->value = 0x80000000u | 77;
	cr_expect_not(is_dead(s, 0), "an owner that nobody saw");
}

Test(graph, children_that_may_end_wake_their_parent, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_wait4(s, 0, -1);
	cr_expect_not(is_dead(s, 0), "no child: an error, not a wait");
	tb_lone(s, 20, 10);
	tb_futex(s, 1, 0x100);
	cr_expect(is_dead(s, 0));
	s->procs[0].children_complete = false;
	cr_expect_not(is_dead(s, 0), "a child that was not seen");
	s->procs[0].children_complete = true;
	tb_lone(s, 30, 10);
	cr_expect_not(is_dead(s, 0), "another child runs");
	tb_wait4(s, 0, 20);
	cr_expect(is_dead(s, 0), "but it waits for the first one");
	s->procs[1].state = s->threads[1].state = 'Z';
	cr_expect_not(is_dead(s, 0), "a zombie is about to be collected");
}

Test(graph, another_thread_may_make_a_child_that_ends, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_thread(s, 11); /* runs */
	tb_lone(s, 20, 10);
	tb_futex(s, 2, 0x100);
	tb_wait4(s, 0, -1);
	cr_expect_not(is_dead(s, 0));
	tb_wait4(s, 0, 20);
	cr_expect(is_dead(s, 0));
}

Test(graph, orphans_of_grandchildren_may_be_left_to_a_waiting_ancestor, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_wait4(s, 0, -1);
	tb_lone(s, 20, 10);
	tb_futex(s, 1, 0x100);
	tb_lone(s, 30, 20); /* runs: it may fork, and die before its child does */
	cr_expect_not(is_dead(s, 0));
	cr_expect(is_dead(s, 1));
	tb_wait4(s, 0, 20);
	cr_expect(is_dead(s, 0), "a wait for that one child");
	tb_wait4(s, 0, -1);
	tb_futex(s, 2, 0x100);
	cr_expect(is_dead(s, 0));
	s->procs[0].ns_pid = 1;
	cr_expect_not(is_dead(s, 0), "the first process of a container");
	s->procs[0].ns_pid = 10;
	s->procs[1].parent = 2; /* crafted: parents in a circle */
	s->procs[2].parent = 1;
	cr_expect_not(is_dead(s, 0));
}

Test(graph, a_handled_sigchld_comes_from_children, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 10); /* runs */
	tb_futex(s, 0, 0x100);
	cr_expect(is_dead(s, 0));
	s->procs[0].sig_caught = 1u << 16;
	cr_expect_not(is_dead(s, 0));
	s->threads[0].sig_blocked = 1u << 16;
	cr_expect(is_dead(s, 0), "the only thread blocks it");
	s->threads[0].sig_blocked = 0;
	tb_futex(s, 1, 0x100);
	cr_expect(is_dead(s, 0), "the only child can never end");
}

Test(graph, a_vfork_child_alone_lets_its_parent_go_on, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_call(s, 0, TB_VFORK, 0, 0, 0, 0)->state = 'D';
	tb_lone(s, 20, 10);
	tb_futex(s, 1, 0x100);
	cr_expect_not(is_dead(s, 0), "the child has a memory of its own: it is not the one");
	s->procs[1].mm = s->procs[0].mm;
	cr_expect(is_dead(s, 0));
	s->threads[1].is_still = false;
	cr_expect_not(is_dead(s, 0));
}

Test(graph, a_pipe_is_written_by_holders_of_its_other_end, .timeout = 10)
{
	TB_SNAPSHOT(s);
	uint32_t a = tb_lone(s, 10, 1);
	uint32_t b = tb_lone(s, 20, 1); /* runs */
	uint32_t pipe = tb_object(s, HD_OBJ_PIPE, 5);
	tb_hold(s, pipe, a, true, false);
	tb_hold(s, pipe, b, true, false);
	tb_on(s, 0, TB_READ, pipe);
	cr_expect_not(is_dead(s, 0), "no writer seen: the end of the file, or somebody unseen");
	tb_hold(s, pipe, a, false, true);
	cr_expect(is_dead(s, 0), "its own write end, and another reader");
	s->threads[0].nr = TB_WRITE;
	cr_expect_not(is_dead(s, 0), "the reader makes room");
	s->threads[0].nr = TB_READ;
	tb_hold(s, pipe, b, false, true);
	cr_expect_not(is_dead(s, 0), "the writer runs");
	tb_futex(s, 1, 0x100);
	cr_expect(is_dead(s, 0));
	s->threads[0].objects_complete = false;
	cr_expect_not(is_dead(s, 0));
	s->threads[0].objects_complete = true;
	s->objects[pipe].is_ready = true;
	cr_expect_not(is_dead(s, 0));
}

Test(graph, either_end_of_a_socket_may_be_shut_down, .timeout = 10)
{
	TB_SNAPSHOT(s);
	for (int i = 0; i < 3; i++) {
		tb_proc(s, 10 * (i + 1), 1);
		tb_thread(s, 10 * (i + 1));
	}
	uint32_t near = tb_object(s, HD_OBJ_UNIX, 5), far = tb_object(s, HD_OBJ_UNIX, 6);
	tb_hold(s, near, 0, true, true);
	tb_hold(s, far, 1, true, true);
	tb_on(s, 0, TB_READ, near);
	tb_futex(s, 1, 0x100);
	cr_expect_not(is_dead(s, 0), "not connected");
	s->objects[near].peer = far;
	cr_expect(is_dead(s, 0));
	tb_hold(s, near, 2, true, true); /* inherited by a process that runs */
	cr_expect_not(is_dead(s, 0));
	tb_futex(s, 2, 0x100);
	cr_expect(is_dead(s, 0));
	s->objects[far].outside = "on its way through another socket";
	cr_expect_not(is_dead(s, 0));
}

Test(graph, a_poll_can_be_ended_through_every_descriptor, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 1);
	tb_futex(s, 1, 0x100);
	uint32_t pipe = tb_object(s, HD_OBJ_PIPE, 5), pidfd = tb_object(s, HD_OBJ_PIDFD, 20), tty = tb_object(s, HD_OBJ_TTY, 7);
	tb_hold(s, pipe, 0, true, false);
	tb_hold(s, pipe, 1, false, true);
	tb_on(s, 0, TB_POLL, pipe);
	tb_on(s, 0, TB_POLL, pidfd);
	cr_expect(is_dead(s, 0));
	tb_on(s, 0, TB_POLL, tty);
	cr_expect_not(is_dead(s, 0), "somebody may type");
	s->threads[0].n_objects = 0;
	cr_expect_not(is_dead(s, 0), "a poll of nothing waits for a signal");
}

Test(graph, epoll_is_the_union_of_what_it_watches, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 1);
	uint32_t set = tb_object(s, HD_OBJ_EPOLL, 4), event = tb_object(s, HD_OBJ_EVENTFD, 5);
	tb_hold(s, set, 0, true, true);
	tb_hold(s, event, 1, true, true);
	s->objects[set].watched[s->objects[set].n_watched++] = event;
	tb_on(s, 0, TB_EPOLL_WAIT, set);
	cr_expect_not(is_dead(s, 0));
	tb_futex(s, 1, 0x100);
	cr_expect(is_dead(s, 0));
	s->objects[set].watched_complete = false;
	cr_expect_not(is_dead(s, 0));
	s->objects[set].watched_complete = true;
	s->objects[set].watched[s->objects[set].n_watched++] = set; /* hostile: it watches itself */
	cr_expect_not(is_dead(s, 0));
}

Test(graph, a_disarmed_timer_is_armed_by_its_holders_only, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	uint32_t timer = tb_object(s, HD_OBJ_TIMERFD, 4);
	tb_hold(s, timer, 0, true, true);
	tb_on(s, 0, TB_READ, timer);
	cr_expect(is_dead(s, 0));
	s->objects[timer].timer_ns = 1;
	cr_expect_not(is_dead(s, 0));
	s->objects[timer].timer_ns = -1;
	cr_expect_not(is_dead(s, 0));
}

Test(graph, a_file_lock_waits_for_its_holders, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 1);
	uint32_t lock = tb_object(s, HD_OBJ_FILELOCK, 4);
	tb_on(s, 0, TB_FLOCK, lock);
	cr_expect_not(is_dead(s, 0), "no holder named");
	tb_hold(s, lock, 1, false, true);
	cr_expect_not(is_dead(s, 0), "the holder runs");
	tb_futex(s, 1, 0x100);
	cr_expect(is_dead(s, 0));
}

Test(graph, a_zombie_leader_wakes_nobody_and_is_not_deadlocked, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_thread(s, 11);
	s->procs[0].state = s->threads[0].state = 'Z';
	tb_futex(s, 1, 0x100);
	struct hd_verdict *v = decide(s);
	cr_expect_eq(v->threads[1].certainty, HD_CERT_PROVEN);
	cr_expect_eq(v->threads[0].certainty, HD_CERT_NONE);
	cr_expect_eq(v->scope, HD_SCOPE_PROCESS);
}

Test(graph, many_threads_of_one_memory_cost_one_edge_each, .timeout = 10)
{
	struct hd_snapshot *s = hd_snapshot_new();
	uint32_t n = 20000;
	s->procs = HD_NEW(s->arena, struct hd_proc);
	s->threads = HD_NEW_N(s->arena, n, struct hd_thread);
	tb_proc(s, 10, 1);
	for (uint32_t i = 0; i < n; i++)
		tb_futex(s, tb_thread(s, 10 + (int32_t)i), 0x100);
	struct hd_verdict *v = hd_decide(s, s->arena);
	uint64_t edges = 0;
	for (uint32_t i = 0; i < v->graph.n; i++)
		edges += v->graph.nodes[i].wakers.n;
	cr_expect_lt(edges, 3 * (uint64_t)n);
	cr_expect_eq(v->kind, HD_VERDICT_DEADLOCK);
	cr_expect_eq(v->threads[7].wakers.n, n);
	cr_expect_eq(v->threads[7].wakers.at, v->threads[8].wakers.at, "one list for all");
	hd_snapshot_free(s);
}

Test(graph, a_child_that_ends_while_it_is_looked_at_wakes_its_parent, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 10);
	tb_wait4(s, 0, 20);
	tb_futex(s, 1, 0x100);
	cr_expect(is_dead(s, 0));
	s->threads[1].state = 'Z'; /* read after the state of its process */
	cr_expect_not(is_dead(s, 0));
}
