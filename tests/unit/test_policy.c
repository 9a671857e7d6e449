/* covers: policy.c */
#include <criterion/criterion.h>
#include <string.h>

#include "hangdog/policy.h"

static struct hd_policy policy_of(const struct hd_actions *actions, enum hd_certainty least)
{
	struct hd_policy p = {
		.actions = actions, .certainty = least, .restart_delay_ms = 1000, .restarts_max = 10, .can_restart = true};
	hd_policy_start(&p, 0);
	return p;
}

Test(policy, report_alone_does_nothing_more, .timeout = 10)
{
	struct hd_actions a = {.at = {{HD_ACTION_REPORT, NULL}}, .n = 1};
	struct hd_policy p = policy_of(&a, HD_CERT_OWNED);
	hd_policy_hang(&p, HD_CERT_PROVEN, 1, &(struct hd_run){.has_progressed = false}, 10);
	cr_assert_eq(hd_policy_next(&p).kind, HD_ACTION_REPORT);
}

Test(policy, actions_come_in_the_order_given_and_exec_does_not_end_the_list, .timeout = 10)
{
	struct hd_actions a = {.at = {{HD_ACTION_EXEC, "mail"}, {HD_ACTION_KILL, NULL}}, .n = 2};
	struct hd_policy p = policy_of(&a, HD_CERT_OWNED);
	hd_policy_hang(&p, HD_CERT_OWNED, 1, &(struct hd_run){.has_progressed = false}, 10);
	struct hd_step step = hd_policy_next(&p);
	cr_assert_eq(step.kind, HD_ACTION_EXEC);
	cr_assert_str_eq(step.command, "mail");
	cr_assert_eq(hd_policy_next(&p).kind, HD_ACTION_KILL);
	cr_assert_eq(hd_policy_next(&p).kind, HD_ACTION_REPORT);
}

Test(policy, too_little_certainty_lets_only_exec_fire_and_says_why, .timeout = 10)
{
	struct hd_actions a = {.at = {{HD_ACTION_KILL, NULL}, {HD_ACTION_EXEC, "mail"}}, .n = 2};
	struct hd_policy p = policy_of(&a, HD_CERT_PROVEN);
	hd_policy_hang(&p, HD_CERT_OWNED, 1, &(struct hd_run){.has_progressed = false}, 10);
	struct hd_step step = hd_policy_next(&p);
	cr_assert_eq(step.kind, HD_ACTION_EXEC);
	cr_assert_not_null(strstr(step.skipped, "--certainty"));
}

Test(policy, the_delay_doubles_to_a_minute_and_falls_back_after_ten_healthy_minutes, .timeout = 10)
{
	static const int64_t expected_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct hd_actions a = {.at = {{HD_ACTION_RESTART, NULL}}, .n = 1};
	struct hd_policy p = policy_of(&a, HD_CERT_OWNED);
	int64_t now_ms = 0;
	for (size_t i = 0; i < HD_COUNTOF(expected_ms); i++) {
		hd_policy_hang(&p, HD_CERT_PROVEN, 100 + i, &(struct hd_run){.has_progressed = false}, now_ms += 500);
		struct hd_step step = hd_policy_next(&p);
		cr_assert_eq(step.kind, HD_ACTION_RESTART);
		cr_assert_eq(step.delay_ms, expected_ms[i], "restart %zu", i);
		hd_policy_start(&p, now_ms);
	}
	hd_policy_hang(&p, HD_CERT_PROVEN, 1, &(struct hd_run){.has_progressed = false}, now_ms + HD_RESTART_HEALTHY_MS);
	cr_assert_eq(hd_policy_next(&p).delay_ms, 1000);
}

Test(policy, max_restarts_falls_through_to_the_next_action, .timeout = 10)
{
	struct hd_actions a = {.at = {{HD_ACTION_RESTART, NULL}, {HD_ACTION_KILL, NULL}}, .n = 2};
	struct hd_policy p = policy_of(&a, HD_CERT_OWNED);
	p.restarts_max = 1;
	hd_policy_hang(&p, HD_CERT_PROVEN, 1, &(struct hd_run){.has_progressed = true}, 1);
	cr_assert_eq(hd_policy_next(&p).kind, HD_ACTION_RESTART);
	hd_policy_hang(&p, HD_CERT_PROVEN, 2, &(struct hd_run){.has_progressed = true}, 2);
	struct hd_step step = hd_policy_next(&p);
	cr_assert_eq(step.kind, HD_ACTION_KILL);
	cr_assert_not_null(strstr(step.skipped, "--max-restarts"));
}

static unsigned restarts_until_it_stops(bool has_progressed)
{
	struct hd_actions a = {.at = {{HD_ACTION_RESTART, NULL}}, .n = 1};
	struct hd_policy p = policy_of(&a, HD_CERT_OWNED);
	unsigned n = 0;
	for (; n < 9; n++) {
		hd_policy_hang(&p, HD_CERT_PROVEN, 7, &(struct hd_run){.has_progressed = has_progressed}, (int64_t)n);
		if (hd_policy_next(&p).kind != HD_ACTION_RESTART)
			break;
		hd_policy_start(&p, (int64_t)n);
	}
	return n;
}

Test(policy, three_restarts_into_the_same_hang_without_progress_are_enough, .timeout = 10)
{
	cr_assert_eq(restarts_until_it_stops(false), 3);
}

Test(policy, progress_between_equal_hangs_keeps_restarts_going, .timeout = 10)
{
	cr_assert_eq(restarts_until_it_stops(true), 9);
}

Test(policy, a_run_that_used_much_more_cpu_time_than_those_before_got_further, .timeout = 10)
{
	struct hd_actions a = {.at = {{HD_ACTION_RESTART, NULL}}, .n = 1};
	struct hd_policy p = policy_of(&a, HD_CERT_OWNED);
	static const struct {
		uint64_t cpu_s;
		unsigned in_vain;
	} runs[] = {{10, 0}, {10, 1}, {18, 2}, {60, 0}, {10, 1}, {100, 2}, {8, 3}};
	for (size_t i = 0; i < HD_COUNTOF(runs); i++) {
		struct hd_run run = {.cpu_ns = runs[i].cpu_s * (uint64_t)HD_NS_PER_S};
		hd_policy_hang(&p, HD_CERT_PROVEN, 7, &run, (int64_t)i);
		cr_assert_eq(p.in_vain, runs[i].in_vain, "run %zu", i);
		if (hd_policy_next(&p).kind == HD_ACTION_RESTART)
			hd_policy_start(&p, (int64_t)i);
	}
}

Test(policy, a_second_hang_of_one_run_says_nothing_about_the_restart, .timeout = 10)
{
	struct hd_actions a = {.at = {{HD_ACTION_HEAL, NULL}, {HD_ACTION_RESTART, NULL}}, .n = 2};
	struct hd_policy p = policy_of(&a, HD_CERT_OWNED);
	struct hd_run run = {0};
	p.restarts = 1;
	p.signature = 7;
	for (int i = 0; i < 5; i++)
		hd_policy_hang(&p, HD_CERT_PROVEN, 7, &run, i);
	cr_assert_eq(p.in_vain, 1);
}

Test(policy, when_restarts_are_used_up_and_nothing_else_was_asked_for_the_program_is_ended, .timeout = 10)
{
	struct hd_actions a = {.at = {{HD_ACTION_RESTART, NULL}}, .n = 1};
	struct hd_policy p = policy_of(&a, HD_CERT_OWNED);
	struct hd_run run = {0};
	p.restarts_max = 0;
	hd_policy_hang(&p, HD_CERT_PROVEN, 7, &run, 1);
	struct hd_step step = hd_policy_next(&p);
	cr_assert_eq(step.kind, HD_ACTION_KILL);
	cr_assert(step.gives_up);
	cr_assert_eq(hd_policy_next(&p).kind, HD_ACTION_REPORT);
	/* A program that hangdog did not start is not ended for that. */
	p.can_restart = false;
	hd_policy_hang(&p, HD_CERT_PROVEN, 7, &run, 1);
	cr_assert_eq(hd_policy_next(&p).kind, HD_ACTION_REPORT);
}
