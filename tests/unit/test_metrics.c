#include <criterion/criterion.h>
#include <string.h>

#include "hangdog/metrics.h"

TestSuite(metrics, .timeout = 10);

static struct hd_buf text;

static const char *text_of(const struct hd_metrics *m)
{
	hd_buf_clear(&text);
	hd_metrics_text(m, &text);
	return hd_buf_text(&text);
}

Test(metrics, every_family_has_a_type_and_the_text_an_end)
{
	struct hd_metrics m = {.supervisor = 7, .command = "train.py", .is_guarding = true, .processes = 3, .longest_stop_us = -1};
	m.hangs_by_cause[HD_CAUSE_INHERITED_LOCK] = 2;
	const char *t = text_of(&m);
	cr_assert_not_null(strstr(t, "# TYPE hangdog_processes gauge\n"));
	cr_assert_not_null(strstr(t, "hangdog_processes{supervisor=\"7\",command=\"train.py\"} 3\n"));
	cr_assert_not_null(strstr(t, "hangdog_hangs_total{supervisor=\"7\",command=\"train.py\",cause=\"inherited-lock\"} 2\n"));
	cr_assert_not_null(strstr(t, "hangdog_looks_total{"));
	cr_assert_null(strstr(t, "longest_stop"));
	cr_assert_null(strstr(t, "last_hang"));
	cr_assert_str_eq(t + strlen(t) - 6, "# EOF\n");
}

Test(metrics, times_are_seconds)
{
	struct hd_metrics m = {.command = "x", .longest_stop_us = 1234, .last_hang_ms = 1700000000123};
	const char *t = text_of(&m);
	cr_assert_not_null(strstr(t, "} 0.001234\n"));
	cr_assert_not_null(strstr(t, "} 1700000000.123\n"));
}

Test(metrics, names_cannot_break_the_text)
{
	struct hd_metrics m = {.command = "a\"b\\c\nd\xff", .longest_stop_us = -1};
	cr_assert_not_null(strstr(text_of(&m), "command=\"a\\\"b\\\\c?d?\"}"), "%s", text_of(&m));
}
