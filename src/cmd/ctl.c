/* hangdog ctl PID ACTION: ask the supervisor of PID to do something now. */
#include <stdio.h>
#include <string.h>

#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/say.h"
#include "hangdog/door.h"

/* A kill waits for the whole grace period, a restart for the new start: give them time. */
#define ASK_MS 120000

int hd_cmd_ctl(const struct hd_options *options)
{
	HD_CLEAN_BUF struct hd_buf body = {0};
	struct hd_arena *arena = hd_arena_new();
	int32_t pid = options->pids[0];
	int32_t supervisor = hd_door_find(pid, arena);
	hd_arena_free(arena);
	if (supervisor == 0) {
		hd_say("process %d: no hangdog of yours guards it: 'hangdog ps' lists those that run, 'hangdog attach %d' starts one",
		       pid, pid);
		return HD_EXIT_ERROR;
	}
	if (strcmp(hd_ctl_words[options->ctl], "why") == 0)
		return hd_why_ask(supervisor, options);
	bool is_done = hd_ask(supervisor, hd_ctl_words[options->ctl], ASK_MS, options, &body);
	fputs(hd_buf_text(&body), stdout);
	return fflush(stdout) == 0 && is_done ? 0 : HD_EXIT_ERROR;
}
