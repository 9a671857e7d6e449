/* What --on-hang asks for, in order, until one works.  The report is on disk before anything here happens. */
#include <stdio.h>
#include <string.h>

#include "cmd/heal.h"
#include "cmd/say.h"
#include "cmd/supervisor.h"
#include "hangdog/act.h"
#include "hangdog/clock.h"
#include "hangdog/gpu.h"
#include "hangdog/helper.h"
#include "hangdog/incident.h"
#include "hangdog/killchild.h"

static void pump(void *supervisor)
{
	struct hd_supervisor *s = supervisor;
	if (hd_tracer_drain(s->tracer) < 0) /* "more to come" is fine: we are called again */
		s->has_failed = true;
}

bool hd_supervisor_end_tree(struct hd_supervisor *s, uint32_t *ret_ended)
{
	struct hd_err err = {0};
	struct hd_kill how = {.tracer = s->tracer, .term_timeout_ms = s->options->term_timeout_ms};
	int r = hd_kill_tree(s->model, &how, pump, s, ret_ended, &err);
	if (r < 0)
		hd_say("%s", err.text);
	return r == 0;
}

bool hd_supervisor_clear_away(struct hd_supervisor *s, uint32_t *ret_ended)
{
	struct hd_gpu_users *gpu = hd_gpu_users_note(s->model);
	struct hd_err err = {0};
	bool is_gone = hd_supervisor_end_tree(s, ret_ended);
	if (is_gone && gpu != NULL && hd_gpu_users_wait(gpu, s->tracer, s->options->term_timeout_ms, pump, s, &err) < 0)
		hd_say("%s after --term-timeout; it is started again all the same", err.text);
	hd_gpu_users_free(gpu);
	hd_terminal_restore(&s->terminal);
	return is_gone;
}

/* Guarding goes on: what is freed may hang again elsewhere. */
static bool act_heal(struct hd_supervisor *s, const struct hd_step *step)
{
	HD_CLEAN_BUF struct hd_buf text = {0};
	(void)step;
	bool is_done = hd_supervisor_heal(s, &s->hang, &text);
	s->is_hang_over |= is_done;
	s->hang.action.result = hd_arena_str(s->hang.arena, hd_buf_text(&text));
	hd_tell(s->options, "heal: %s", hd_buf_text(&text));
	return is_done;
}

static bool act_kill(struct hd_supervisor *s, const struct hd_step *step)
{
	uint32_t ended = 0;
	(void)step;
	if (!hd_supervisor_end_tree(s, &ended))
		return false;
	s->hang.action.result = hd_arena_printf(s->hang.arena, "ended %u process%s", ended, ended == 1 ? "" : "es");
	s->has_ended_it = true;
	s->is_over = true;
	return true;
}

/* Only the culprits, where the rest goes on without them.  Guarding goes on too. */
static bool act_kill_child(struct hd_supervisor *s, const struct hd_step *step)
{
	struct hd_case *c = &s->hang;
	struct hd_kill_child plan = hd_kill_child_plan(c->snap, c->verdict, c->arena);
	struct hd_kill_only *only = HD_NEW_N(c->arena, (size_t)plan.n + 1, struct hd_kill_only);
	struct hd_kill how = {.tracer = s->tracer, .term_timeout_ms = s->options->term_timeout_ms, .only = only, .n_only = plan.n};
	struct hd_err err = {0};
	uint32_t ended = 0;
	(void)step;
	for (uint32_t i = 0; i < plan.n; i++)
		only[i] = (struct hd_kill_only){c->snap->procs[plan.procs[i]].pid, c->snap->procs[plan.procs[i]].start};
	if (plan.refusal == NULL && hd_kill_tree(s->model, &how, pump, s, &ended, &err) == 0) {
		c->action.result = ended == 1 ? hd_arena_printf(c->arena, "ended process %d; the others go on without it", only[0].pid)
					      : hd_arena_printf(c->arena, "ended %u processes; the others go on without them", ended);
		hd_tell(s->options, "kill-child: %s", c->action.result);
		s->is_hang_over = true;
		return true;
	}
	c->action.result = plan.refusal != NULL ? plan.refusal : hd_arena_str(c->arena, err.text);
	hd_tell(s->options, "kill-child: it would not help: %s", c->action.result);
	return false;
}

/* Keeps following and forwarding while it waits; false when hangdog was asked to end meanwhile. */
static bool wait_before_start(struct hd_supervisor *s, int64_t delay_ms)
{
	int64_t until_ms = hd_now_ms() + delay_ms;
	for (int64_t left_ms; (left_ms = until_ms - hd_now_ms()) > 0;) {
		struct pollfd fd = {.fd = hd_signals_fd(s->signals), .events = POLLIN};
		(void)poll(&fd, 1, (int)left_ms);
		struct hd_happened happened = hd_signals_poll(s->signals, s->tracer);
		pump(s);
		if (happened.stop_signal != 0) {
			s->stop_signal = happened.stop_signal;
			return false;
		}
	}
	return true;
}

static bool act_restart(struct hd_supervisor *s, const struct hd_step *step)
{
	uint32_t ended = 0;
	if (!hd_supervisor_clear_away(s, &ended))
		return false;
	s->hang.action.result = hd_arena_printf(s->hang.arena, "ended %u process%s, restart %u of at most %u", ended,
						ended == 1 ? "" : "es", s->policy.restarts, s->policy.restarts_max);
	hd_tell(s->options, "restart %u of at most %u in %.3g s", s->policy.restarts, s->policy.restarts_max, (double)step->delay_ms / 1000);
	if (!wait_before_start(s, step->delay_ms) || hd_supervisor_launch(s, s->policy.restarts, s->hang.path) != 0) {
		s->has_ended_it = true;
		s->is_over = true;
	}
	return true;
}

static bool act_stop(struct hd_supervisor *s, const struct hd_step *step)
{
	struct hd_err err = {0};
	(void)step;
	if (hd_stop_tree(s->model, &err) < 0) {
		hd_say("%s", err.text);
		return false;
	}
	s->hang.action.result = "stopped by SIGSTOP; SIGCONT lets it go on";
	hd_tell(s->options, "the whole tree is stopped; look at it with a debugger, 'kill -CONT' lets it go on");
	return true;
}

/* HANGDOG_REPORT, HANGDOG_PID, HANGDOG_VERDICT, HANGDOG_CAUSE besides what hangdog itself has. */
static char **exec_environment(const struct hd_supervisor *s)
{
	const struct hd_case *c = &s->hang;
	size_t n = 0, out = 0;
	while (environ[n] != NULL)
		n++;
	char **env = HD_NEW_N(c->arena, n + 5, char *);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(environ[i], "HANGDOG_", 8) != 0)
			env[out++] = environ[i];
	}
	if (c->path != NULL)
		env[out++] = hd_arena_printf(c->arena, "HANGDOG_REPORT=%s/report.json", c->path);
	env[out++] = hd_arena_printf(c->arena, "HANGDOG_PID=%d", c->snap->root);
	env[out++] = hd_arena_printf(c->arena, "HANGDOG_VERDICT=%s", hd_verdict_name(c->verdict->kind));
	env[out++] = hd_arena_printf(c->arena, "HANGDOG_CAUSE=%s", hd_cause_name(c->verdict->cause));
	return env;
}

static bool act_exec(struct hd_supervisor *s, const struct hd_step *step)
{
	const char *argv[] = {"/bin/sh", "-c", step->command, NULL};
	int32_t pid;
	int r = hd_helper_spawn(s->tracer, argv, exec_environment(s), /* out_fd= */ -1, &pid);
	if (r < 0) {
		hd_say("--on-hang exec: /bin/sh cannot be started: %s", strerror(-r));
		return false;
	}
	s->hang.action.result = hd_arena_printf(s->hang.arena, "started: %s", step->command);
	return true;
}

typedef bool act_fn(struct hd_supervisor *s, const struct hd_step *step);

static act_fn *const actions[] = {
	[HD_ACTION_HEAL] = act_heal,
	[HD_ACTION_KILL] = act_kill,
	[HD_ACTION_RESTART] = act_restart,
	[HD_ACTION_STOP] = act_stop,
	[HD_ACTION_KILL_CHILD] = act_kill_child,
	[HD_ACTION_EXEC] = act_exec,
};

/* What came of the actions so far, for the report. */
struct outcome {
	struct hd_action_note did; /* the newest that worked; taken NULL = none */
	const char *last, *failed; /* the newest that did not, and all of them with their reasons; NULL = none */
};

static void note_outcome(struct hd_supervisor *s, bool done, struct outcome *o)
{
	struct hd_action_note *note = &s->hang.action;
	if (done) {
		o->did = *note;
		return;
	}
	o->failed = hd_arena_printf(s->hang.arena, "%s%s%s (%s)", o->failed != NULL ? o->failed : "", o->failed != NULL ? ", " : "",
				    note->taken, note->result != NULL ? note->result : "it could not be done");
	o->last = note->taken;
}

static void report_outcome(struct hd_supervisor *s, const struct outcome *o)
{
	struct hd_action_note *note = &s->hang.action;
	*note = o->did;
	if (note->taken == NULL && o->last != NULL)
		*note = (struct hd_action_note){.taken = o->last, .result = o->failed, .has_failed = true};
	else if (o->failed != NULL)
		note->result = hd_arena_printf(s->hang.arena, "%s; tried, too: %s", note->result, o->failed);
}

/* Something that outlasts the run: files that the user named (--progress file:), or ten minutes in which it moved. */
static bool has_left_something(const struct hd_supervisor *s)
{
	int64_t moved_ms = s->rhythm.moved_ns / HD_NS_PER_MS;
	return hd_meter_files_changed(s->meter) || moved_ms - s->policy.started_ms > HD_RESTART_HEALTHY_MS;
}

void hd_supervisor_act(struct hd_supervisor *s)
{
	struct hd_run run = {.has_progressed = has_left_something(s), .cpu_ns = s->cpu_ns};
	hd_policy_hang(&s->policy, s->hang.verdict->certainty, hd_case_signature(&s->hang), &run, hd_now_ms());
	struct outcome outcome = {0};
	for (bool is_over = false; !is_over;) {
		struct hd_step step = hd_policy_next(&s->policy);
		if (step.gives_up)
			hd_say("giving up: %s", step.skipped);
		else if (step.skipped != NULL)
			hd_tell(s->options, "an action was skipped: %s", step.skipped);
		if (step.kind == HD_ACTION_REPORT)
			break;
		s->hang.action = (struct hd_action_note){.taken = hd_action_name(step.kind)};
		bool done = actions[step.kind](s, &step);
		note_outcome(s, done, &outcome);
		is_over = done && step.kind != HD_ACTION_EXEC;
	}
	report_outcome(s, &outcome);
}
