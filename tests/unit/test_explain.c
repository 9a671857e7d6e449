#include <criterion/criterion.h>

#include "../lib/build.h"

static struct hd_verdict *decide(struct hd_snapshot *s)
{
	return hd_decide(s, s->arena);
}

Test(explain, every_process_gets_its_status, .timeout = 10)
{
	TB_SNAPSHOT(s);
	for (int i = 1; i <= 5; i++) {
		tb_proc(s, 10 * i, i == 1 ? 1 : 10);
		tb_thread(s, 10 * i);
	}
	tb_futex(s, 1, 0x100);
	tb_wait4(s, 0, 20);
	s->threads[2].state = 'T';
	s->procs[3].state = s->threads[3].state = 'Z';
	struct hd_verdict *v = decide(s);
	const char *expect[] = {"waiting-on-deadlock", "deadlocked", "stopped", "exited", "alive"};
	for (uint32_t p = 0; p < 5; p++)
		cr_expect_str_eq(hd_status_name(v->procs[p].status), expect[p]);
}

Test(explain, scope_is_the_process_when_its_main_thread_or_all_are_dead, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_proc(s, 10, 1);
	for (int i = 0; i < 3; i++)
		tb_thread(s, 10 + i);
	tb_mutex(s, 1, 0x100, 12);
	tb_mutex(s, 2, 0x200, 11);
	cr_expect_eq(decide(s)->scope, HD_SCOPE_PARTIAL);
	tb_mutex(s, 0, 0x100, 12);
	cr_expect_eq(decide(s)->scope, HD_SCOPE_PROCESS);
}

Test(explain, a_poller_of_pollers_of_the_dead_starves_too, .timeout = 10)
{
	TB_SNAPSHOT(s);
	for (int i = 1; i <= 3; i++) {
		tb_proc(s, 10 * i, 1);
		tb_thread(s, 10 * i);
	}
	uint32_t a = tb_object(s, HD_OBJ_PIPE, 1), b = tb_object(s, HD_OBJ_PIPE, 2);
	tb_hold(s, a, 1, false, true);
	tb_hold(s, b, 2, false, true);
	tb_on(s, 0, TB_POLL, a)->args[2] = 100;
	tb_on(s, 1, TB_POLL, b)->args[2] = 100;
	tb_futex(s, 2, 0x100);
	struct hd_verdict *v = decide(s);
	cr_expect(v->threads[0].is_starved && v->threads[1].is_starved);
	cr_expect_eq(v->certainty, HD_CERT_PROVEN);
	tb_hold(s, a, 0, false, true);
	cr_expect(decide(s)->threads[0].is_starved, "its own end does not count");
	s->objects[a].outside = "unseen";
	cr_expect_not(decide(s)->threads[0].is_starved);
}

Test(explain, waiting_for_stopped_children_assumes_that_nobody_stops_one, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_lone(s, 20, 10);
	tb_futex(s, 1, 0x100);
	tb_wait4(s, 0, -1);
	cr_expect_not(decide(s)->assumes_no_signal);
	s->threads[0].args[2] = 2; /* WUNTRACED */
	cr_expect(decide(s)->assumes_no_signal);
}

Test(explain, equal_snapshots_give_equal_answers, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_proc(s, 10, 1);
	for (int i = 0; i < 3; i++)
		tb_mutex(s, tb_thread(s, 10 + i), 0x100 * (uint64_t)(i + 1), 10 + (i + 1) % 3);
	struct hd_verdict *a = decide(s), *b = decide(s);
	cr_expect_str_eq(a->summary, b->summary);
	cr_expect_str_eq(a->signature, b->signature);
	cr_expect_eq(a->lead, b->lead);
	cr_expect_eq(a->cause, HD_CAUSE_LOCK_CYCLE);
}
