#include <criterion/criterion.h>

#include "../lib/build.h"

static uint8_t candidate[TB_ROWS];

/* What a cheap look knows: calls and arguments, no words, no objects, no facts about the process. */
static uint32_t candidates(struct hd_snapshot *s)
{
	return hd_candidates(s, candidate);
}

Test(candidates, a_lone_lock_waiter_is_worth_a_look, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_call(s, 0, TB_FUTEX, 0x100, TB_WAIT_PRIVATE, 2, 0)->has_timeout = HD_UNKNOWN;
	cr_expect_eq(candidates(s), 1u);
	cr_expect(candidate[0]);
	tb_call(s, 0, TB_FUTEX, 0x100, TB_WAIT_PRIVATE, 0, 0);
	cr_expect_eq(candidates(s), 1u, "nobody else in the process");
}

Test(candidates, idle_pools_beside_a_live_thread_are_not, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_proc(s, 10, 1);
	for (int i = 0; i < 4; i++)
		tb_thread(s, 10 + i); /* the first one runs */
	for (uint32_t t = 1; t < 4; t++)
		tb_call(s, t, TB_FUTEX, 0x100, TB_WAIT_PRIVATE, 0, 0);
	cr_expect_eq(candidates(s), 0u);
	tb_call(s, 2, TB_FUTEX, 0x100, TB_WAIT_PRIVATE, 2, 0);
	cr_expect_eq(candidates(s), 1u, "but one that waits for a lock may wait for one that is gone");
	cr_expect(candidate[2] && !candidate[1]);
}

Test(candidates, parents_follow_their_children, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 10);
	tb_wait4(s, 0, -1);
	cr_expect_eq(candidates(s), 0u, "the child runs");
	tb_call(s, 1, TB_FUTEX, 0x100, TB_WAIT_PRIVATE, 2, 0);
	cr_expect_eq(candidates(s), 2u);
}

Test(candidates, bounded_and_open_waits_are_not, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_call(s, 0, TB_NANOSLEEP, 0x100, 0, 0, 0);
	cr_expect_eq(candidates(s), 0u);
	tb_call(s, 0, TB_FUTEX, 0x100, TB_WAIT_PRIVATE, 2, 0x7000);
	cr_expect_eq(candidates(s), 0u);
	tb_call(s, 0, 34, 0, 0, 0, 0); /* pause */
	cr_expect_eq(candidates(s), 0u);
	tb_call(s, 0, TB_READ, 0, 0, 0, 0);
	cr_expect_eq(candidates(s), 1u, "what the descriptor is, is not known yet");
	s->threads[0].state = 'D';
	cr_expect_eq(candidates(s), 0u);
	s->threads[0].state = 'S';
	s->threads[0].is_still = false;
	cr_expect_eq(candidates(s), 0u);
}

Test(candidates, pollers_are_looked_at_once_somebody_may_be_dead, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_call(s, 0, TB_POLL, 0x100, 1, 5000, 0);
	cr_expect_eq(candidates(s), 0u);
	cr_expect_not(candidate[0]);
	tb_lone(s, 20, 10);
	tb_call(s, 1, TB_FUTEX, 0x100, TB_WAIT_PRIVATE, 2, 0);
	cr_expect_eq(candidates(s), 1u);
	cr_expect(candidate[0]);
}

Test(candidates, a_python_lock_with_a_hidden_owner_is_seen_after_a_while, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1); /* runs */
	tb_thread(s, 11);
	tb_call(s, 1, TB_FUTEX, 0x100, TB_WAIT_PRIVATE, 0, 0);
	s->procs[0].python = "3.11.7";
	s->threads[1].blocked_ns = HD_NS_PER_MS;
	cr_expect_eq(candidates(s), 0u);
	s->threads[1].blocked_ns = 2 * HD_NS_PER_S;
	cr_expect_eq(candidates(s), 1u);
}
