#include <criterion/criterion.h>

#include "../lib/build.h"
#include "hangdog/itimers.h"

#define ALRM (1u << 13)
#define PROF (1u << 26)

/* Process 10 waits for the end of process 20, and that reads a pipe that 10 holds. */
static struct hd_verdict *circle(struct hd_snapshot *s, int64_t alarm_ns)
{
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 10);
	tb_wait4(s, 0, 20);
	uint32_t o = tb_object(s, HD_OBJ_PIPE, 7);
	tb_hold(s, o, 0, false, true);
	tb_hold(s, o, 1, true, false);
	tb_on(s, 1, TB_READ, o);
	s->procs[1].alarm_ns = alarm_ns;
	return hd_decide(s, s->arena);
}

Test(itimers, who_only_waits_for_an_end_that_an_alarm_brings_is_no_culprit, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_verdict *v = circle(s, 42 * HD_NS_PER_S);
	cr_expect_eq(v->certainty, HD_CERT_PROVEN);
	cr_expect(hd_alarm_ends(s, 1) && !hd_alarm_ends(s, 0));
	cr_expect(hd_alarm_frees(s, v, 0) && !hd_alarm_frees(s, v, 1));
	cr_assert_eq(v->n_culprits, 1u);
	cr_expect_eq(v->culprits[0], 1u);
	cr_expect_eq(v->lead, 1u);
	cr_expect_eq(v->threads[0].root, 1u);
}

Test(itimers, without_an_alarm_both_are, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_verdict *v = circle(s, 0);
	cr_expect_eq(v->n_culprits, 2u);
	cr_expect_not(hd_alarm_frees(s, v, 0));
}

Test(itimers, an_alarm_that_is_caught_ignored_or_blocked_by_all_ends_nothing, .timeout = 10)
{
	TB_SNAPSHOT(s);
	circle(s, HD_NS_PER_S);
	s->procs[1].sig_caught = ALRM;
	cr_expect_not(hd_alarm_ends(s, 1));
	s->procs[1].sig_caught = 0;
	s->procs[1].sig_ignored = ALRM;
	cr_expect_not(hd_alarm_ends(s, 1));
	s->procs[1].sig_ignored = 0;
	s->threads[1].sig_blocked = ALRM;
	cr_expect_not(hd_alarm_ends(s, 1));
	s->threads[1].sig_blocked = 0;
	cr_expect(hd_alarm_ends(s, 1));
}

Test(itimers, a_dead_thread_in_a_call_that_goes_on_by_itself_is_asked, .timeout = 10)
{
	TB_SNAPSHOT(s);
	struct hd_itimer_ask ask;
	struct hd_verdict *v = circle(s, 0);
	cr_assert(hd_itimers_plan(s, v, 1, &ask));
	cr_expect(ask.pid == 20 && ask.tid == 20 && ask.nr == TB_READ && ask.which == 1);
	s->procs[1].sig_caught = PROF;
	cr_assert(hd_itimers_plan(s, v, 1, &ask));
	cr_expect_eq(ask.which, 5u, "the alarm, which ends it, and the one that is handled");
	s->procs[1].sig_caught = 0;
	s->procs[1].sig_ignored = ALRM;
	cr_expect_not(hd_itimers_plan(s, v, 1, &ask), "nothing can come of it");
}

/* Each of these makes the only thread of the process unfit. */
#define UNFIT(X)                                                                                                      \
	X(it_can_go_on, v->threads[0].certainty = HD_CERT_NONE)                                                       \
	X(its_call_was_started_again_already, s->threads[0].was_restart = true)                                       \
	X(it_is_of_32_bits, s->threads[0].abi = HD_ABI_I386)                                                          \
	X(a_signal_is_on_its_way, s->threads[0].sig_pending = 2)                                                      \
	X(it_may_have_been_moved_to_another_word, s->threads[0].args[1] = 11 | TB_WAIT_PRIVATE)                       \
	X(it_has_a_time_limit, s->threads[0].args[3] = 0x1000)                                                        \
	X(its_call_ends_when_it_is_interrupted, s->threads[0].nr = TB_EPOLL_WAIT)                                     \
	X(it_polls, s->threads[0].nr = TB_POLL)
#define X(name, spoil)                                                                                               \
	Test(itimers, nobody_is_asked_if_##name, .timeout = 10)                                                       \
	{                                                                                                             \
		TB_SNAPSHOT(s);                                                                                       \
		struct hd_itimer_ask ask;                                                                             \
		tb_proc(s, 10, 1);                                                                                    \
		tb_thread(s, 10);                                                                                     \
		tb_futex(s, 0, 0x100);                                                                                \
		struct hd_verdict *v = hd_decide(s, s->arena);                                                        \
		cr_assert(hd_itimers_plan(s, v, 0, &ask));                                                            \
		spoil;                                                                                                \
		cr_expect_not(hd_itimers_plan(s, v, 0, &ask));                                                        \
	}
UNFIT(X)
#undef X
