/* hangdog attach: guard running processes and all their descendants, or look at them once and leave. */
#include <errno.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/once.h"
#include "cmd/say.h"
#include "cmd/supervisor.h"
#include "cmd/top.h"
#include "hangdog/procfs.h"

static int look_and_leave(const struct hd_options *options)
{
	struct hd_case c;
	struct hd_err err = {0};
	if (hd_look_once(options, /* looks= */ 2, hd_fill_quietly, &c, &err) < 0) {
		hd_say("%s", err.text);
		return HD_EXIT_ERROR;
	}
	if (c.verdict->kind != HD_VERDICT_NONE && hd_case_record(&c, options->incident_dir, &err) < 0)
		hd_say("%s", err.text);
	/* The report goes to stdout anyway. */
	bool is_printed = options->report_path != NULL && strcmp(options->report_path, "-") == 0;
	if (options->report_path != NULL && !is_printed && hd_case_report(&c, options->report_path, options->json, &err) < 0)
		hd_say("%s", err.text);
	int status = hd_once_print(&c, options);
	hd_case_release(&c);
	return status;
}

static int seize_all(struct hd_supervisor *s, struct hd_err *err)
{
	bool is_observer = s->options->follow == HD_FOLLOW_OBSERVE;
	for (unsigned i = 0; i < s->options->n_pids; i++) {
		int32_t pid = s->options->pids[i];
		int r = hd_procfs_probe(pid, /* want_ptrace= */ !is_observer, err);
		if (r == 0)
			r = is_observer ? hd_tracer_observe(s->tracer, pid, err) : hd_tracer_attach(s->tracer, pid, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int guard(struct hd_supervisor *s)
{
	struct hd_err err = {0};
	if (seize_all(s, &err) < 0) {
		hd_say("%s", err.text);
		hd_tracer_detach_all(s->tracer);
		return HD_EXIT_ERROR;
	}
	hd_supervisor_watch(s, s->options->pids[0]);
	if (s->options->verbose)
		hd_say("guarding process %d and its descendants", s->options->pids[0]);
	hd_supervisor_loop(s);
	hd_tracer_detach_all(s->tracer);
	return s->has_failed ? HD_EXIT_ERROR : s->has_ended_it ? HD_EXIT_HUNG : 0;
}

int hd_cmd_attach(const struct hd_options *options)
{
	struct hd_supervisor s;
	struct hd_err err = {0};
	if (options->top)
		return hd_guard_under_top(options);
	if (options->once)
		return look_and_leave(options);
	if (hd_supervisor_init(&s, options, HD_SIGNALS_OURS, &err) < 0) {
		hd_say("%s", err.text);
		return HD_EXIT_ERROR;
	}
	int status = guard(&s);
	hd_supervisor_release(&s);
	return status;
}
