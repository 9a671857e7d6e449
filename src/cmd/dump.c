/* hangdog dump: native and Python stacks of the whole tree, now.  Captured first, unwound when everybody runs again. */
#include <stdio.h>

#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/dump.h"
#include "cmd/once.h"
#include "cmd/say.h"
#include "hangdog/capture.h"
#include "hangdog/door.h"
#include "hangdog/folded.h"
#include "hangdog/procfs.h"

/* Reference: a thread that does not stop in this time (vfork parent, dead disk) is shown without a stack. */
#define STOP_MS 50
#define ASK_MS 30000

/* What could not be stopped in time is shown as not read. */
static int64_t capture_rest(struct hd_capture *capture, int32_t pid, struct hd_tracer *tracer, bool *ret_ok)
{
	int64_t longest_us = 0;
	int r = 0;
	if (hd_capture_missing(capture) > 0 && tracer != NULL)
		r = hd_tracer_freeze(tracer, pid, STOP_MS, hd_capture_stopped, capture, &longest_us);
	else if (hd_capture_missing(capture) > 0)
		r = hd_capture_stop(capture, STOP_MS);
	*ret_ok = r == 0;
	int64_t stop_us = hd_capture_longest_stop_us(capture);
	return r < 0 || stop_us > longest_us ? stop_us : longest_us;
}

static int capture_proc(struct hd_case *c, const struct hd_proc *proc, struct hd_capture **ret)
{
	int32_t *tids = HD_NEW_N(c->arena, (size_t)proc->n_threads + 1, int32_t);
	for (uint32_t i = 0; i < proc->n_threads; i++)
		tids[i] = c->snap->threads[proc->first_thread + i].tid;
	return hd_capture_of(proc->pid, tids, proc->n_threads, /* with_stacks= */ true, ret);
}

/* Of a picture of one moment: is there somebody left of whom it is not?  Those who ended do not count. */
static bool is_missed(const struct hd_case *c, const struct hd_proc *proc, const struct hd_capture *capture)
{
	uint64_t start;
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads && hd_capture_missing(capture) > 0; t++) {
		const struct hd_thread *thread = &c->snap->threads[t];
		const struct hd_captured *row = hd_capture_find(capture, thread->tid);
		bool is_read = row == NULL || !hd_captured_is_missing(row);
		if (!is_read && thread->state != 'Z' && hd_procfs_start(proc->pid, thread->tid, &start) == 0 && start == thread->start)
			return true;
	}
	return false;
}

static void capture_all(struct hd_case *c, struct hd_tracer *tracer, bool is_consistent)
{
	bool is_new = c->captures == NULL;
	if (is_new)
		c->captures = HD_NEW_N(c->arena, (size_t)c->snap->n_procs + 1, struct hd_capture *);
	for (uint32_t p = 0; p < c->snap->n_procs; p++) {
		const struct hd_proc *proc = &c->snap->procs[p];
		if (!proc->in_tree || (is_new ? capture_proc(c, proc, &c->captures[p]) < 0 : c->captures[p] == NULL))
			continue;
		if (is_consistent && tracer != NULL)
			hd_capture_anew(c->captures[p]);
		bool ok;
		int64_t stop_us = capture_rest(c->captures[p], proc->pid, tracer, &ok);
		if (is_consistent && (!ok || is_missed(c, proc, c->captures[p])))
			c->moving = proc->pid;
		if (stop_us > c->longest_stop_us)
			c->longest_stop_us = stop_us;
	}
}

void hd_dump_stacks(struct hd_case *c, struct hd_watcher *w, struct hd_tracer *tracer, const struct hd_stack_options *options)
{
	struct hd_stack_options with = *options;
	with.deep = c->is_dump;
	if (options->native)
		capture_all(c, tracer, options->consistent);
	if (c->is_dump && hd_snapshot_settle(c->snap, c->captures))
		hd_case_decide(c);
	with.captures = c->captures;
	if (tracer != NULL)
		hd_case_prepare(c, w, tracer, &with, /* all= */ true);
	hd_case_stacks(c, w, &with, /* all= */ true);
	hd_case_drop_captures(c);
}

void hd_dump_fill(struct hd_case *c, struct hd_watcher *w, struct hd_tracer *tracer, const struct hd_stack_options *options)
{
	c->is_dump = true;
	c->only_python = !options->native;
	hd_dump_stacks(c, w, tracer, options);
}

static int print_dump(const struct hd_case *c, const struct hd_options *options)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	if (!options->folded && !options->merge)
		return hd_once_print(c, options) == HD_EXIT_ERROR ? HD_EXIT_ERROR : 0;
	if (options->folded)
		hd_report_folded(c->snap, &out);
	else
		hd_report_merged(c->snap, &out);
	if (fwrite(hd_buf_text(&out), 1, out.len, stdout) == out.len && fflush(stdout) == 0)
		return 0;
	hd_say("standard output cannot be written to: %m");
	return HD_EXIT_ERROR;
}

/* The process is traced by its supervisor: only that can stop its threads. */
static int ask_supervisor(int32_t supervisor, const struct hd_options *options)
{
	HD_CLEAN_BUF struct hd_buf body = {0};
	HD_CLEAN_BUF struct hd_buf request = {0};
	struct hd_text_style style = hd_say_style(stdout, options);
	const char *form = options->json ? "json" : options->folded ? "folded" : options->merge ? "merge" : "text";
	bool both = options->native == options->python;
	hd_buf_printf(&request, "dump %s %u %d %d %d %d %d %d %d %d %d %d", form, style.width, style.color, both || options->native,
		 both || options->python, options->lines, options->locals, options->async, options->verbose, options->consistent,
		      options->threads, options->tree);
	for (unsigned i = 0; i < options->n_pids; i++)
		hd_buf_printf(&request, " %d", options->pids[i]);
	if (!hd_ask(supervisor, hd_buf_text(&request), ASK_MS, options, &body))
		return HD_EXIT_ERROR;
	fputs(hd_buf_text(&body), stdout);
	return fflush(stdout) == 0 ? 0 : HD_EXIT_ERROR;
}

static void no_events(void *ctx, const struct hd_event *event)
{
	(void)ctx;
	(void)event;
}

/* --consistent stops all threads of a process at once, which takes a tracer. */
static void fill(struct hd_case *c, struct hd_watcher *w, const struct hd_stack_options *stacks, const struct hd_options *options)
{
	struct hd_tracer *tracer = options->consistent ? hd_tracer_new(no_events, NULL) : NULL;
	struct hd_stack_options with = *stacks;
	with.skip_forks = !options->json;
	with.consistent = options->consistent;
	c->each_thread = options->threads;
	hd_dump_fill(c, w, tracer, &with);
	hd_tracer_free(tracer);
}

/* --consistent was asked for: the stacks are there, but no picture of one moment. */
static void tell_moving(const struct hd_case *c)
{
	struct hd_err err = {0};
	if (c->moving == 0)
		return;
	if (hd_procfs_probe(c->moving, /* want_ptrace= */ true, &err) < 0)
		hd_say("%s; its stacks are of different moments", err.text);
	else
		hd_say("process %d: not all of its threads stood still in time; its stacks are of different moments", c->moving);
}

static int dump_from_outside(const struct hd_options *options)
{
	struct hd_case c;
	struct hd_err err = {0};
	if (hd_look_once(options, /* looks= */ 0, fill, &c, &err) < 0) {
		hd_say("%s", err.text);
		return HD_EXIT_ERROR;
	}
	int status = c.snap->n_procs > 0 ? print_dump(&c, options) : HD_EXIT_ERROR;
	tell_moving(&c);
	if (c.snap->n_procs == 0)
		hd_say("process %d ended while it was looked at", options->pids[0]);
	hd_case_release(&c);
	return status;
}

/* Who guards without tracing stands in nobody's way. */
static int32_t tracing_supervisor(int32_t pid, struct hd_arena *arena)
{
	return hd_door_is_traced(pid) ? hd_door_find(pid, arena) : 0;
}

int hd_cmd_dump(const struct hd_options *options)
{
	if (options->json + options->merge + options->folded > 1) {
		hd_say("dump: --json, --merge and --folded are three forms of the same; choose one");
		return HD_EXIT_ERROR;
	}
	return hd_ask_each(options, tracing_supervisor, ask_supervisor, dump_from_outside);
}
