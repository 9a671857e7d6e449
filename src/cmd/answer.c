/* The supervisor's answers to clients of its door (ps, why, dump, ctl, top). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cmd/dump.h"
#include "cmd/heal.h"
#include "cmd/supervisor.h"
#include "hangdog/clock.h"
#include "hangdog/folded.h"
#include "hangdog/num.h"
#include "hangdog/procfs.h"
#include "hangdog/snapshot_io.h"

#define QUIET_MS 20
#define SLICES_MAX 10000 /* of indexing, about a millisecond each, for one question */

typedef bool answer_fn(struct hd_supervisor *s, const char *rest, struct hd_buf *reply);

static bool answer_guards(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	int64_t pid = 0;
	bool is_ours = hd_parse_i64(rest, &pid) == 0 && pid > 0 && pid <= INT32_MAX && s->watcher != NULL &&
		       hd_model_find(s->model, (int32_t)pid) != NULL;
	hd_buf_str(reply, is_ours || pid == getpid() ? "yes" : "no"); /* who names us means what we guard */
	return true;
}

static const char *state_name(const struct hd_supervisor *s)
{
	return s->watcher == NULL ? "detached" : hd_supervisor_is_stopped(s) ? "stopped" : "guarding";
}

static bool answer_status(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	(void)rest;
	struct hd_arena *arena = hd_arena_new();
	json_t *command = json_array();
	/* What was attached to may have become another program since. */
	const char *const *words = s->command != NULL ? s->command : hd_procfs_argv(hd_tracer_root(s->tracer), arena);
	for (const char *const *word = words; word != NULL && *word != NULL; word++)
		json_array_append_new(command, json_stringn_nocheck(*word, strlen(*word)));
	const char *verdict = s->has_hang && !s->is_hang_over ? hd_verdict_name(s->hang.verdict->kind) : "none";
	json_t *status = json_pack("{s:i, s:i, s:s, s:I, s:I, s:I, s:I, s:s, s:o}", "supervisor", (int)getpid(), "root",
				   (int)hd_tracer_root(s->tracer), "state", state_name(s), "age_ms", (json_int_t)(hd_now_ms() - s->started_ms),
				   "processes", (json_int_t)hd_model_count(s->model), "looks", (json_int_t)s->count.looks,
				   "threads", (json_int_t)s->threads, "verdict", verdict, "command", command);
	char *text = status != NULL ? json_dumps(status, JSON_COMPACT) : NULL;
	json_decref(status);
	hd_arena_free(arena);
	if (text == NULL)
		return false;
	hd_buf_str(reply, text);
	free(text);
	return true;
}

/* A snapshot of now for somebody who asks; the program's events are served meanwhile. */
static int peek(struct hd_supervisor *s, struct hd_snapshot **ret, struct hd_err *err)
{
	int r = -EAGAIN;
	for (int i = 0; i < SLICES_MAX && s->watcher != NULL && r == -EAGAIN; i++) {
		if (i == 0 || hd_watcher_prepare_gather(s->watcher, s->model))
			r = hd_watcher_peek(s->watcher, s->model, ret, err);
		if (r == -EAGAIN && hd_tracer_drain(s->tracer) < 0)
			break;
	}
	if (r == -EAGAIN)
		hd_err_set(err, EAGAIN, s->watcher == NULL ? "hangdog has let that program go" : "hangdog is busy: ask again");
	return r;
}

/* A thread that was just asked for its timers (cmd/timers.c) has moved since the newest look, by our doing: it counts as
 * active until the next.  That must not turn a hang that was reported into "nothing is wrong". */
static int peek_after_a_look(struct hd_supervisor *s, struct hd_snapshot **ret, struct hd_err *err)
{
	struct hd_look look;
	int64_t until_ms = hd_now_ms() + QUIET_MS;
	int r = hd_watcher_look(s->watcher, s->model, &look);
	if (r < 0)
		return hd_err_set(err, -r, "looking at the tree failed: %s: ask again", strerror(-r));
	while (hd_now_ms() < until_ms && hd_tracer_drain(s->tracer) >= 0)
		poll(NULL, 0, 1);
	return peek(s, ret, err);
}

static int peek_case(struct hd_supervisor *s, struct hd_case *ret, struct hd_err *err)
{
	struct hd_snapshot *snap;
	int r = peek(s, &snap, err);
	if (r < 0)
		return r;
	hd_case_init(ret, snap);
	if (!s->has_hang || ret->verdict->kind != HD_VERDICT_NONE || peek_after_a_look(s, &snap, NULL) < 0)
		return 0;
	hd_case_release(ret);
	hd_case_init(ret, snap);
	return 0;
}

static unsigned sane_width(unsigned width)
{
	return width < 40 || width > 500 ? 80 : width;
}

/* "why FORM WIDTH COLOR VERBOSE NATIVE PYTHON LINES LOCALS THREADS", FORM = text or json; all may be missing: the exit
 * status that `hangdog why` ends with, a newline, the report. */
static bool answer_why(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	struct hd_err err = {0};
	struct hd_case c;
	char form[8] = "text";
	int color = 0, verbose = 0, native = 1, python = 1, lines = 0, locals = 0, threads = 0;
	unsigned width = 80;
	(void)sscanf(rest, "%7s %u %d %d %d %d %d %d %d", form, &width, &color, &verbose, &native, &python, &lines, &locals,
		     &threads);
	if (peek_case(s, &c, &err) < 0) {
		hd_buf_str(reply, err.text);
		return false;
	}
	struct hd_stack_options stacks = {.native = native, .python = python, .lines = lines, .locals = locals};
	hd_case_prepare(&c, s->watcher, s->tracer, &stacks, /* all= */ true);
	hd_case_stacks(&c, s->watcher, &stacks, /* all= */ true);
	hd_buf_printf(reply, "%d\n", c.verdict->kind == HD_VERDICT_NONE ? 0 : 1);
	struct hd_text_style style = {.color = color == 1, .verbose = verbose == 1, .threads = threads == 1, .width = sane_width(width)};
	if (strcmp(form, "json") == 0)
		hd_case_json(&c, reply);
	else
		hd_case_text(&c, &style, reply);
	hd_case_release(&c);
	return true;
}

/* Is process p one of those asked for, or below one? */
static bool is_below(const struct hd_snapshot *snap, uint32_t p, const int32_t *pids, unsigned n, bool with_descendants)
{
	for (uint32_t depth = 0; p != HD_NONE && depth <= snap->n_procs; depth++, p = snap->procs[p].parent) {
		for (unsigned i = 0; i < n; i++) {
			if (snap->procs[p].pid == pids[i])
				return true;
		}
		if (!with_descendants)
			return false;
	}
	return false;
}

/* `rest` is "TREE PID...": leaves only those processes in what is shown.  Nothing, or our own pid: all of them. */
static void narrow(struct hd_snapshot *snap, const char *rest)
{
	int32_t pids[HD_PIDS_MAX];
	unsigned n = 0;
	int with_descendants = 1, used = 0;
	if (sscanf(rest, "%d%n", &with_descendants, &used) != 1)
		return;
	for (rest += used; n < HD_PIDS_MAX && sscanf(rest, "%d%n", &pids[n], &used) == 1; rest += used) {
		if (pids[n] == getpid())
			return;
		n += hd_snapshot_proc(snap, pids[n]) != HD_NONE;
	}
	if (n == 0)
		return;
	for (uint32_t p = 0; p < snap->n_procs; p++)
		snap->procs[p].in_tree &= is_below(snap, p, pids, n, with_descendants == 1);
	if (snap->root != pids[0])
		snap->command = NULL; /* the root's: that one's own is shown */
	snap->root = pids[0];
}

/* "dump FORM WIDTH COLOR NATIVE PYTHON LINES LOCALS ASYNC VERBOSE CONSISTENT THREADS TREE PID...", FORM = text, json, folded or merge; all
 * may be missing. */
static bool answer_dump(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	struct hd_err err = {0};
	struct hd_snapshot *snap;
	struct hd_capture **captures = NULL;
	struct hd_case c;
	char form[8] = "text";
	unsigned width = 80;
	int color = 0, native = 1, python = 1, lines = 0, locals = 0, async = 0, verbose = 0, consistent = 0, threads = 0, used = 0;
	(void)sscanf(rest, "%7s %u %d %d %d %d %d %d %d %d %d%n", form, &width, &color, &native, &python, &lines, &locals, &async,
		     &verbose, &consistent, &threads, &used);
	if (s->watcher == NULL || hd_watcher_list(s->watcher, s->model, &snap, native ? &captures : NULL, &err) < 0) {
		hd_buf_str(reply, s->watcher == NULL ? "hangdog has let that program go" : err.text);
		return false;
	}
	narrow(snap, used > 0 ? rest + used : "");
	hd_case_init(&c, snap);
	c.captures = captures;
	c.each_thread = threads;
	hd_dump_fill(&c, s->watcher, hd_tracer_is_observing(s->tracer) ? NULL : s->tracer,
		     &(struct hd_stack_options){.native = native, .python = python, .lines = lines, .locals = locals, .async = async,
				  .consistent = consistent, .skip_forks = strcmp(form, "json") != 0});
	struct hd_text_style style = {.color = color == 1, .verbose = verbose == 1, .width = sane_width(width)};
	if (strcmp(form, "json") == 0)
		hd_case_json(&c, reply);
	else if (strcmp(form, "folded") == 0)
		hd_report_folded(c.snap, reply);
	else if (strcmp(form, "merge") == 0)
		hd_report_merged(c.snap, reply);
	else
		hd_case_text(&c, &style, reply);
	hd_case_release(&c);
	return true;
}

/* "view TID": a snapshot of now, with the stacks of what hangs and of that thread. */
static bool answer_view(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	struct hd_err err = {0};
	struct hd_snapshot *snap;
	struct hd_case c;
	int64_t tid;
	if (peek(s, &snap, &err) < 0) {
		hd_buf_str(reply, err.text);
		return false;
	}
	hd_case_init(&c, snap);
	hd_case_view_stacks(&c, s->watcher, hd_parse_i64(rest, &tid) == 0 && tid > 0 && tid <= INT32_MAX ? (int32_t)tid : 0);
	hd_snapshot_write(c.snap, reply);
	hd_case_release(&c);
	return true;
}

static bool answer_kill(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	uint32_t ended = 0;
	(void)rest;
	if (!hd_supervisor_end_tree(s, &ended)) {
		hd_buf_str(reply, "some processes are left; hangdog said on its stderr which");
		return false;
	}
	hd_buf_printf(reply, "ended %u process%s\n", ended, ended == 1 ? "" : "es");
	return true;
}

static bool answer_restart(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	uint32_t ended = 0;
	(void)rest;
	if (!s->launches) {
		hd_buf_str(reply, "this program was attached to, not started by hangdog: start it again yourself");
		return false;
	}
	if (!hd_supervisor_clear_away(s, &ended) || hd_supervisor_launch(s, ++s->policy.restarts, NULL) != 0) {
		hd_buf_str(reply, "it did not start again; hangdog said on its stderr why");
		return false;
	}
	hd_buf_printf(reply, "ended %u process%s and started again as process %d\n", ended, ended == 1 ? "" : "es",
		      hd_tracer_root(s->tracer));
	return true;
}

/* A gather beside which a thread was met anew, or something came or went, proves nothing: the next one does. */
static int gather_hang(struct hd_supervisor *s, struct hd_case *ret, struct hd_err *err)
{
	enum { TRIES = 5 };
	struct hd_snapshot *snap;
	for (int i = 1;; i++) {
		int r = hd_watcher_gather(s->watcher, s->model, &snap, err);
		if (r < 0)
			return r;
		hd_case_init(ret, snap);
		if (ret->verdict->kind == HD_VERDICT_DEADLOCK || i == TRIES)
			return 0;
		hd_case_release(ret);
	}
}

/* Decides anew: what hung at the last look may have gone on, and stops at nothing that is not proven. */
static bool answer_heal(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	struct hd_err err = {0};
	struct hd_case c;
	(void)rest;
	if (s->watcher == NULL || gather_hang(s, &c, &err) < 0) {
		hd_buf_str(reply, s->watcher == NULL ? "hangdog has let that program go" : err.text);
		return false;
	}
	hd_case_stacks(&c, s->watcher, &(struct hd_stack_options){.native = true, .python = true}, /* all= */ false);
	bool is_done = hd_supervisor_heal(s, &c, reply);
	s->is_hang_over |= is_done;
	if (is_done)
		hd_buf_char(reply, '\n');
	hd_case_release(&c);
	return is_done;
}

/* Nobody is traced or looked at from now on.  run stays the parent that passes signals and the exit status on. */
static bool answer_detach(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	(void)rest;
	hd_tracer_detach_all(s->tracer);
	hd_watcher_free(s->watcher);
	s->watcher = NULL;
	s->is_over = !s->launches;
	hd_buf_printf(reply, "process %d and its descendants are not guarded any more\n", hd_tracer_root(s->tracer));
	return true;
}

/* By first word of the request. */
static const struct {
	const char *word;
	answer_fn *answer;
} answers[] = {
	{"guards", answer_guards},   {"status", answer_status}, {"why", answer_why},
	{"dump", answer_dump},	     {"view", answer_view},
	{"kill", answer_kill},	     {"restart", answer_restart}, {"heal", answer_heal},   {"detach", answer_detach},
};

bool hd_supervisor_answer(void *supervisor, const char *request, struct hd_buf *reply)
{
	size_t len = strcspn(request, " ");
	const char *rest = request + len + (request[len] == ' ');
	for (size_t i = 0; i < HD_COUNTOF(answers); i++) {
		if (strlen(answers[i].word) == len && strncmp(answers[i].word, request, len) == 0)
			return answers[i].answer(supervisor, rest, reply);
	}
	hd_buf_str(reply, "this hangdog does not know that request: is it of another version?");
	return false;
}
