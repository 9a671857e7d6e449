/* hangdog run: launch a command and guard it and all its descendants until it ends. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/say.h"
#include "cmd/supervisor.h"
#include "cmd/top.h"

/* A shell that runs hangdog in its foreground has to see that Ctrl-C ended the job, or its loop would go on. */
static bool shell_must_see(int signal)
{
	return (signal == SIGINT || signal == SIGQUIT) && tcgetpgrp(STDERR_FILENO) == getpgrp();
}

/* The command's own status; 128 + N if signal N ended it (contract section 3). */
static int status_of_command(int32_t status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (shell_must_see(WTERMSIG(status)))
		return hd_signals_end_like(status);
	return 128 + WTERMSIG(status);
}

static int guard(struct hd_supervisor *s)
{
	int failed = hd_supervisor_launch(s, /* restart= */ 0, /* incident_dir= */ NULL);
	if (failed != 0)
		return failed;
	if (s->options->verbose)
		hd_say("guarding process %d, a look every %lld ms", hd_tracer_root(s->tracer), (long long)s->options->interval_ms);
	hd_supervisor_loop(s);
	if (s->has_failed)
		return HD_EXIT_ERROR;
	return s->has_ended_it ? HD_EXIT_HUNG : -1;
}

int hd_cmd_run(const struct hd_options *options)
{
	struct hd_supervisor s;
	struct hd_err err = {0};
	if (options->top)
		return hd_guard_under_top(options);
	if (hd_supervisor_init(&s, options, HD_SIGNALS_FORWARD, &err) < 0) {
		hd_say("%s", err.text);
		return HD_EXIT_ERROR;
	}
	int status = guard(&s);
	int32_t root_status = s.root_status, stop_signal = s.stop_signal;
	hd_supervisor_release(&s);
	if (status >= 0)
		return status;
	return root_status >= 0 ? status_of_command(root_status) : 128 + stop_signal;
}
