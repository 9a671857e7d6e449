#include <criterion/criterion.h>

#include <string.h>

#include "hangdog/logline.h"

static const struct hd_log_field fields[] = {{"event", "hang"}, {"cause", NULL}, {"command", "sh -c \"a\\b\""}, {"empty", ""}};
static const struct hd_log_event event = {
	.priority = 4, .pid = 7, .when = "Nov  4 08:45:12", .message = "it\nhangs", .fields = fields, .n_fields = HD_COUNTOF(fields)};

Test(logline, syslog_gets_one_line_whatever_is_in_the_values, .timeout = 10)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	hd_log_syslog(&event, &out);
	cr_assert_str_eq(hd_buf_text(&out), "<28>Nov  4 08:45:12 hangdog[7]: it?hangs | event=hang command=\"sh -c \\\"a\\\\b\\\"\" empty=\"\"");
}

Test(logline, a_line_has_a_limit, .timeout = 10)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	char text[3 * HD_LOG_LINE_MAX];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct hd_log_event e = event;
	e.message = text;
	hd_log_syslog(&e, &out);
	cr_assert_eq(out.len, HD_LOG_LINE_MAX);
	cr_assert_eq(strlen(hd_buf_text(&out)), HD_LOG_LINE_MAX);
}

Test(logline, journald_gets_values_with_line_breaks_by_their_length, .timeout = 10)
{
	static const char expected[] = "MESSAGE\n\10\0\0\0\0\0\0\0it\nhangs\nPRIORITY=4\nSYSLOG_IDENTIFIER=hangdog\nSYSLOG_PID=7\n"
				       "HANGDOG_EVENT=hang\nHANGDOG_COMMAND=sh -c \"a\\b\"\nHANGDOG_EMPTY=\n";
	HD_CLEAN_BUF struct hd_buf out = {0};
	hd_log_journal(&event, &out);
	cr_assert_eq(out.len, sizeof(expected) - 1);
	cr_assert_arr_eq(hd_buf_text(&out), expected, out.len);
}
