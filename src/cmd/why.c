/* hangdog why: explain a tree, once, stopping nobody: from outside, or through the hangdog that guards it already. */
#include <stdio.h>
#include <string.h>

#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/once.h"
#include "cmd/say.h"
#include "hangdog/door.h"

#define ASK_MS 20000

/* The supervisor's body is the exit status, a newline, and the report. */
int hd_why_ask(int32_t supervisor, const struct hd_options *options)
{
	HD_CLEAN_BUF struct hd_buf body = {0};
	struct hd_text_style style = hd_say_style(stdout, options);
	char request[128];
	bool both = options->native == options->python;
	snprintf(request, sizeof(request), "why %s %u %d %d %d %d %d %d %d", options->json ? "json" : "text", style.width, style.color,
		 style.verbose, both || options->native, both || options->python, options->lines, options->locals,
		 options->threads);
	if (!hd_ask(supervisor, request, ASK_MS, options, &body))
		return HD_EXIT_ERROR;
	const char *text = strchr(hd_buf_text(&body), '\n');
	fputs(text != NULL ? text + 1 : "", stdout);
	if (fflush(stdout) != 0 || text == NULL)
		return HD_EXIT_ERROR;
	return hd_buf_text(&body)[0] == '0' ? 0 : 1;
}

static int look_from_outside(const struct hd_options *options)
{
	struct hd_case c;
	struct hd_err err = {0};
	if (hd_look_once(options, /* looks= */ 2, hd_fill_quietly, &c, &err) < 0) {
		hd_say("%s", err.text);
		return HD_EXIT_ERROR;
	}
	int status = hd_once_print(&c, options);
	hd_case_release(&c);
	return status;
}

int hd_cmd_why(const struct hd_options *options)
{
	return hd_ask_each(options, hd_door_find, hd_why_ask, look_from_outside);
}
