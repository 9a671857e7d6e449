#include "cmd/supervisor.h"

#include <errno.h>
#include <string.h>
#include <wordexp.h>

#include "cmd/cmd.h"
#include "cmd/cures.h"
#include "cmd/metrics.h"
#include "cmd/say.h"
#include "hangdog/clock.h"
#include "hangdog/vec.h"

static void on_event(void *supervisor, const struct hd_event *event)
{
	struct hd_supervisor *s = supervisor;
	s->count.forks += event->kind == HD_EV_NEW_PROCESS && event->tid != 0;
	bool is_process_end = event->kind == HD_EV_EXIT && event->tid == event->pid;
	if (event->kind == HD_EV_EXEC || is_process_end)
		hd_forkev_drop(s->forkev, event->pid);
	if (s->audit != NULL && event->kind == HD_EV_NEW_PROCESS)
		hd_audit_log_fork(s->audit, event, s->unwinder);
	hd_model_apply(s->model, event);
}

static void progress_init(struct hd_progress_spec *spec, const struct hd_progress *asked)
{
	bool sees = asked->gpu && hd_progress_sees_gpus();
	bool is_gpu_all = asked->gpu && !sees && !asked->output && !asked->cpu && asked->n_globs == 0;
	*spec = (struct hd_progress_spec){
		.output = asked->output || is_gpu_all,
		.cpu = asked->cpu || is_gpu_all,
		.gpu = sees,
		.globs = asked->globs,
		.n_globs = asked->n_globs,
	};
	if (asked->gpu && !sees)
		hd_say("--progress gpu: a GPU's work cannot be seen from here: no driver shows it (amdgpu, i915, xe and nouveau do, NVIDIA's does not)%s",
		       is_gpu_all ? "; output and CPU time count instead" : "");
}

int hd_supervisor_init(struct hd_supervisor *s, const struct hd_options *options, enum hd_signals_role role, struct hd_err *err)
{
	*s = (struct hd_supervisor){.options = options, .root_status = -1};
	int r = hd_signals_new(role, &s->signals, err);
	if (r < 0)
		return r;
	s->model = hd_model_new();
	s->unwinder = hd_unwinder_new();
	s->forkev = hd_forkev_new();
	s->tracer = hd_tracer_new(on_event, s);
	if (options->audit) {
		s->audit = hd_audit_log_new();
		hd_forkev_want_holds(s->forkev);
		hd_model_want_hazards(s->model);
	}
	hd_tracer_set_evidence(s->tracer, s->forkev, (enum hd_evidence)options->evidence);
	s->launches = role == HD_SIGNALS_FORWARD;
	s->started_ms = hd_now_ms();
	hd_terminal_note(&s->terminal);
	progress_init(&s->progress, &options->progress);
	s->policy = (struct hd_policy){
		.actions = &options->actions,
		.certainty = (enum hd_certainty)options->certainty,
		.restart_delay_ms = options->restart_delay_ms,
		.restarts_max = (uint32_t)options->max_restarts,
		.can_restart = s->launches,
	};
	/* Without a door everything else works: say so only to who asked for details. */
	struct hd_err why = {0};
	if (hd_door_open(&s->door, &why) < 0 && options->verbose)
		hd_say("no socket for 'hangdog ps' and 'hangdog ctl': %s", why.text);
	return 0;
}

void hd_supervisor_release(struct hd_supervisor *s)
{
	hd_metrics_end(s);
	hd_door_close(s->door);
	if (s->has_hang)
		hd_case_release(&s->hang);
	if (s->audit != NULL && s->meter != NULL) /* it was started at all */
		hd_audit_log_tell(s->audit, s->model, s->count.forks, s->has_hang, s->options);
	hd_audit_log_free(s->audit);
	hd_watcher_free(s->watcher);
	hd_meter_free(s->meter);
	hd_tracer_free(s->tracer);
	hd_forkev_free(s->forkev);
	hd_unwinder_free(s->unwinder);
	hd_model_free(s->model);
	hd_signals_free(s->signals);
	hd_buf_release(&s->cures);
	HD_VEC_RELEASE(&s->healed);
	HD_VEC_RELEASE(&s->asked);
}

/* A tenth of the stall time, so that a few busy moments of a monitor thread do not look like work; 1 to 30 s. */
static int64_t cpu_window_ns(int64_t stall_ms)
{
	int64_t window_ms = stall_ms / 10;
	return (window_ms < 1000 ? 1000 : window_ms > 30000 ? 30000 : window_ms) * HD_NS_PER_MS;
}

void hd_supervisor_watch(struct hd_supervisor *s, int32_t root)
{
	struct hd_watch_config config = {
		.root = root,
		.command = s->command,
		.unwinder = s->unwinder,
		.is_tracer = s->options->follow == HD_FOLLOW_PTRACE,
		.is_launched = s->options->n_pids == 0,
	};
	hd_watcher_free(s->watcher);
	s->watcher = hd_watcher_new(&config);
	int64_t now_ms = hd_now_ms();
	s->look_due_ms = s->measure_due_ms = now_ms + s->options->interval_ms;
	hd_meter_free(s->meter);
	s->meter = hd_meter_new(&s->progress, root, cpu_window_ns(s->options->stall_ms));
	hd_rhythm_start(&s->rhythm, s->options->stall_ms * HD_NS_PER_MS, now_ms * HD_NS_PER_MS);
	s->known_hang = 0;
	s->cpu_ns = 0;
	s->root_status = -1;
	hd_policy_start(&s->policy, now_ms);
}

struct launch_words {
	HD_VEC(char *) argv; /* NULL-terminated; borrows */
	wordexp_t resume;
	bool has_resume;
};

/* COMMAND as given and, on a restart, the words of --resume-args. */
static int words_init(struct launch_words *words, const struct hd_options *options, bool is_restart)
{
	for (int i = 0; i < options->n_operands; i++)
		HD_VEC_PUSH(&words->argv, options->operands[i]);
	if (is_restart && options->resume_args != NULL) {
		if (wordexp(options->resume_args, &words->resume, WRDE_NOCMD) != 0)
			return -EINVAL;
		words->has_resume = true;
		for (size_t i = 0; i < words->resume.we_wordc; i++)
			HD_VEC_PUSH(&words->argv, words->resume.we_wordv[i]);
	}
	HD_VEC_PUSH(&words->argv, NULL);
	return 0;
}

static void words_release(struct launch_words *words)
{
	if (words->has_resume)
		wordfree(&words->resume);
	HD_VEC_RELEASE(&words->argv);
}

static int launch(struct hd_supervisor *s, char *const *argv, const char *const *env)
{
	struct hd_err err = {0};
	struct hd_launch how = {
		.argv = argv,
		.env_add = env,
		.signals = s->signals,
		.seize = s->options->follow == HD_FOLLOW_PTRACE,
		.die_with_me = s->options->die_with_me,
	};
	int32_t root;
	bool exec_failed = false;
	int r = hd_tracer_launch(s->tracer, &how, &root, &exec_failed, &err);
	if (r < 0) {
		hd_say("%s", err.text);
		return !exec_failed ? HD_EXIT_ERROR : r == -ENOENT ? 127 : 126;
	}
	hd_supervisor_watch(s, root);
	return 0;
}

/* What a restarted command sees (contract section 3), and the cures.  NULL: --cure is wrong, said. */
static const char *const *launch_env(struct hd_supervisor *s, uint32_t restart, const char *incident_dir, struct hd_arena *arena)
{
	bool is_after_hang = restart > 0 && s->has_hang;
	const char *const *cures = hd_cures_env(s->options, &s->cures, is_after_hang ? &s->hang : NULL, arena);
	size_t n = 0, k = 0;
	if (cures == NULL)
		return NULL;
	while (cures[n] != NULL)
		n++;
	const char **env = HD_NEW_N(arena, n + 3, const char *);
	memcpy(env, cures, n * sizeof(*env));
	if (restart > 0)
		env[n + k++] = hd_arena_printf(arena, "HANGDOG_RESTART=%u", restart);
	if (restart > 0 && incident_dir != NULL)
		env[n + k++] = hd_arena_printf(arena, "HANGDOG_INCIDENT=%s", incident_dir);
	return env;
}

int hd_supervisor_launch(struct hd_supervisor *s, uint32_t restart, const char *incident_dir)
{
	struct launch_words words = {0};
	struct hd_arena *arena = hd_arena_new();
	int status = HD_EXIT_ERROR;
	const char *const *env = launch_env(s, restart, incident_dir, arena);
	s->command = (const char *const *)s->options->operands;
	hd_model_lost_clear(s->model);
	if (env == NULL)
		status = HD_EXIT_ERROR;
	else if (words_init(&words, s->options, restart > 0) < 0)
		hd_say("--resume-args: not words as a shell would split them: quote them properly: %s", s->options->resume_args);
	else
		status = launch(s, words.argv.at, env);
	words_release(&words);
	hd_arena_free(arena);
	return status;
}
