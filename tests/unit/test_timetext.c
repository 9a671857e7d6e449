#include <criterion/criterion.h>

#include "hangdog/timetext.h"

Test(timetext, known_days_come_out_right, .timeout = 10)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} days[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{951782399, "2000-02-28T23:59:59.000Z"},
		{951782400, "2000-02-29T00:00:00.000Z"},
		{951868800, "2000-03-01T00:00:00.000Z"},
		{1709164800, "2024-02-29T00:00:00.000Z"},
		{1735689599, "2024-12-31T23:59:59.000Z"},
		{1795510752, "2026-11-24T08:59:12.000Z"},
		{4107542400, "2100-03-01T00:00:00.000Z"},
	};
	for (size_t i = 0; i < HD_COUNTOF(days); i++)
		cr_expect_str_eq(hd_time_rfc3339(days[i].seconds * HD_NS_PER_S).text, days[i].text);
}

Test(timetext, milliseconds_are_cut_not_rounded, .timeout = 10)
{
	cr_assert_str_eq(hd_time_rfc3339(1999999).text, "1970-01-01T00:00:00.001Z");
	cr_assert_str_eq(hd_time_compact(1795510752999999999).text, "20261124T085912.999Z");
}

Test(timetext, impossible_times_are_clamped, .timeout = 10)
{
	cr_assert_str_eq(hd_time_rfc3339(INT64_MIN).text, "1970-01-01T00:00:00.000Z");
	cr_assert_str_eq(hd_time_rfc3339(INT64_MAX).text, "2262-04-11T23:47:16.000Z");
}

Test(timetext, durations_read_well, .timeout = 10)
{
	static const struct {
		int64_t ms;
		const char *text;
	} durations[] = {
		{-5, "0 ms"}, {0, "0 ms"}, {130, "130 ms"}, {1000, "1.0 s"}, {1399, "1.3 s"}, {59999, "59.9 s"},
		{60000, "1 min 0 s"}, {125000, "2 min 5 s"}, {33120000, "9 h 12 min"}, {273600000, "3 days 4 h"},
	};
	for (size_t i = 0; i < HD_COUNTOF(durations); i++)
		cr_expect_str_eq(hd_duration_words(durations[i].ms * HD_NS_PER_MS).text, durations[i].text);
	hd_duration_words(INT64_MIN);
	hd_duration_words(INT64_MAX);
}
