#include <criterion/criterion.h>

#include "../lib/build.h"
#include "core/roots.h"

/* A chain: 10 waits for 20, 20 for 30, and 30 is the root. */
static void chain(struct hd_snapshot *s)
{
	for (int i = 1; i <= 3; i++) {
		tb_proc(s, 10 * i, 10 * (i - 1));
		tb_thread(s, 10 * i);
		tb_wait4(s, (uint32_t)i - 1, -1);
	}
	tb_futex(s, 2, 0x100);
}

Test(roots, those_who_merely_wait_name_the_thread_at_the_root, .timeout = 10)
{
	TB_SNAPSHOT(s);
	chain(s);
	struct hd_verdict *v = hd_decide(s, s->arena);
	cr_expect_eq(v->lead, 2u);
	cr_expect_eq(v->n_culprits, 1u);
	cr_expect_eq(v->threads[0].root, 2u);
	cr_expect_eq(v->threads[1].root, 2u);
	cr_expect_eq(v->threads[2].root, HD_NONE);
	cr_expect(v->threads[2].is_culprit && !v->threads[1].is_culprit);
}

Test(roots, the_surest_root_is_explained_first, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_proc(s, 10, 1); /* owned: crosswise beside a live thread */
	for (int i = 0; i < 3; i++)
		tb_thread(s, 10 + i);
	tb_mutex(s, 1, 0x100, 12);
	tb_mutex(s, 2, 0x200, 11);
	tb_lone(s, 20, 1); /* proven */
	tb_futex(s, 3, 0x100);
	struct hd_verdict *v = hd_decide(s, s->arena);
	cr_expect_eq(v->certainty, HD_CERT_PROVEN);
	cr_expect_eq(v->cause, HD_CAUSE_NO_WAKER);
	cr_expect_eq(v->lead, 3u);
	cr_assert_eq(v->n_culprits, 2u);
	cr_expect_eq(v->culprits[0], 1u);
	cr_expect_eq(v->procs[0].cause, HD_CAUSE_LOCK_CYCLE);
	cr_expect_eq(v->procs[1].cause, HD_CAUSE_NO_WAKER);
}

Test(roots, a_deadlock_that_concerns_nobody_guarded_is_none, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_futex(s, 0, 0x100);
	s->procs[0].in_tree = false;
	cr_expect_eq(hd_decide(s, s->arena)->kind, HD_VERDICT_NONE);
	tb_lone(s, 20, 1);
	uint32_t pipe = tb_object(s, HD_OBJ_PIPE, 1);
	tb_hold(s, pipe, 0, false, true);
	tb_on(s, 1, TB_READ, pipe);
	struct hd_verdict *v = hd_decide(s, s->arena);
	cr_expect_eq(v->kind, HD_VERDICT_DEADLOCK, "but somebody guarded waits on it now");
	cr_expect_eq(v->lead, 0u);
}

Test(roots, the_known_holder_is_the_root_and_bystanders_are_not, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 9, 1);
	uint32_t child = tb_proc(s, 10, 9);
	for (int i = 0; i < 3; i++)
		tb_thread(s, 10 + i);
	tb_other(tb_fork(s, child, 9, 2), 5);
	tb_wait4(s, 0, -1);
	tb_mutex(s, 1, 0x100, 11);		     /* wants what 11 holds */
	tb_mutex(s, 2, 0x200, 5);		     /* 11 wants what was held at the fork */
	tb_futex(s, 3, 0x300)->lock.kind = HD_LOCK_CONDITION; /* idle */
	struct hd_verdict *v = hd_decide(s, s->arena);
	cr_expect_eq(v->cause, HD_CAUSE_INHERITED_LOCK);
	cr_expect_eq(v->lead, 2u);
	cr_expect_not(v->threads[1].is_culprit);
	cr_expect_eq(v->threads[1].root, 2u);
	cr_expect_eq(v->threads[0].root, 2u);
}
