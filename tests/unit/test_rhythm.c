#include <criterion/criterion.h>

#include "hangdog/rhythm.h"

TestSuite(rhythm, .timeout = 10);

#define S HD_NS_PER_S

Test(rhythm, a_program_that_never_moved_has_the_time_that_was_asked_for)
{
	struct hd_rhythm r;
	hd_rhythm_start(&r, 300 * S, 1000 * S);
	cr_expect_not(hd_rhythm_alarm(&r, 1299 * S));
	cr_expect(hd_rhythm_alarm(&r, 1300 * S));
	cr_expect_not(hd_rhythm_alarm(&r, 1900 * S), "a quiet phase is told once");
}

Test(rhythm, a_long_phase_that_ended_by_itself_raises_no_alarm_again)
{
	struct hd_rhythm r;
	hd_rhythm_start(&r, 60 * S, 0);
	hd_rhythm_move(&r, 600 * S); /* compiled for ten minutes */
	for (int64_t step = 601; step < 700; step++)
		hd_rhythm_move(&r, step * S);
	cr_expect_eq(hd_rhythm_patience_ns(&r), 1200 * S);
	cr_expect_not(hd_rhythm_alarm(&r, (699 + 650) * S), "a checkpoint as long as the compilation");
	cr_expect(hd_rhythm_alarm(&r, (699 + 1200) * S));
}

Test(rhythm, steps_in_quick_order_do_not_make_it_impatient)
{
	struct hd_rhythm r;
	hd_rhythm_start(&r, 300 * S, 0);
	for (int64_t i = 0; i < 1000; i++)
		hd_rhythm_move(&r, i * S / 10);
	cr_expect_eq(hd_rhythm_patience_ns(&r), 300 * S);
}

Test(rhythm, a_false_alarm_teaches_and_the_next_quiet_phase_is_told_again)
{
	struct hd_rhythm r;
	hd_rhythm_start(&r, 10 * S, 0);
	cr_expect(hd_rhythm_alarm(&r, 10 * S));
	hd_rhythm_move(&r, 15 * S);
	cr_expect_eq(hd_rhythm_patience_ns(&r), 30 * S);
	cr_expect_not(hd_rhythm_alarm(&r, 44 * S));
	cr_expect(hd_rhythm_alarm(&r, 45 * S));
}

Test(rhythm, being_stopped_is_neither_a_stall_nor_a_lesson)
{
	struct hd_rhythm r;
	hd_rhythm_start(&r, 10 * S, 0);
	for (int64_t t = 1; t < 3600; t++)
		hd_rhythm_skip(&r, t * S);
	cr_expect_not(hd_rhythm_alarm(&r, 3600 * S));
	hd_rhythm_move(&r, 3600 * S);
	cr_expect_eq(hd_rhythm_patience_ns(&r), 10 * S);
}

Test(rhythm, zero_means_never_and_clocks_may_be_odd)
{
	struct hd_rhythm r;
	hd_rhythm_start(&r, 0, 0);
	cr_expect_not(hd_rhythm_alarm(&r, INT64_MAX));
	hd_rhythm_start(&r, 10 * S, 100 * S);
	hd_rhythm_move(&r, 50 * S);
	cr_expect_eq(hd_rhythm_quiet_ns(&r, 20 * S), 0);
	hd_rhythm_move(&r, INT64_MAX);
	cr_expect_eq(hd_rhythm_patience_ns(&r), INT64_MAX);
}
