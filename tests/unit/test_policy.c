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
	hd_policy_hang(&p, HD_CERT_PROVEN, 1, false, 10);
	cr_assert_eq(hd_policy_next(&p).kind, HD_ACTION_REPORT);
}

Test(policy, actions_come_in_the_order_given_and_exec_does_not_end_the_list, .timeout = 10)
{
	struct hd_actions a = {.at = {{HD_ACTION_EXEC, "mail"}, {HD_ACTION_KILL, NULL}}, .n = 2};
	struct hd_policy p = policy_of(&a, HD_CERT_OWNED);
	hd_policy_hang(&p, HD_CERT_OWNED, 1, false, 10);
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
	hd_policy_hang(&p, HD_CERT_OWNED, 1, false, 10);
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
		hd_policy_hang(&p, HD_CERT_PROVEN, 100 + i, false, now_ms += 500);
		struct hd_step step = hd_policy_next(&p);
		cr_assert_eq(step.kind, HD_ACTION_RESTART);
		cr_assert_eq(step.delay_ms, expected_ms[i], "restart %zu", i);
		hd_policy_start(&p, now_ms);
	}
	hd_policy_hang(&p, HD_CERT_PROVEN, 1, false, now_ms + HD_RESTART_HEALTHY_MS);
	cr_assert_eq(hd_policy_next(&p).delay_ms, 1000);
}

Test(policy, max_restarts_falls_through_to_the_next_action, .timeout = 10)
{
	struct hd_actions a = {.at = {{HD_ACTION_RESTART, NULL}, {HD_ACTION_KILL, NULL}}, .n = 2};
	struct hd_policy p = policy_of(&a, HD_CERT_OWNED);
	p.restarts_max = 1;
	hd_policy_hang(&p, HD_CERT_PROVEN, 1, true, 1);
	cr_assert_eq(hd_policy_next(&p).kind, HD_ACTION_RESTART);
	hd_policy_hang(&p, HD_CERT_PROVEN, 2, true, 2);
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
		hd_policy_hang(&p, HD_CERT_PROVEN, 7, has_progressed, (int64_t)n);
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
