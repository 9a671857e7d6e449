#include "cmd/metrics.h"

#include <string.h>
#include <time.h>

#include "cmd/say.h"
#include "hangdog/clock.h"
#include "hangdog/incident.h"
#include "hangdog/metrics.h"

#define WRITE_EVERY_MS 5000

/* The file name of what was started; which argument of an interpreter matters is not guessed at. */
static const char *short_command(const struct hd_supervisor *s)
{
	return s->command != NULL && s->command[0] != NULL ? hd_path_base(s->command[0]) : "";
}

static struct hd_metrics numbers(const struct hd_supervisor *s, bool is_guarding)
{
	struct hd_metrics m = {
		.supervisor = getpid(),
		.command = short_command(s),
		.is_guarding = is_guarding,
		.processes = is_guarding ? hd_model_count(s->model) : 0,
		.threads = is_guarding ? s->threads : 0,
		.looks = s->count.looks,
		.gathers = s->count.gathers,
		.forks = s->count.forks,
		.restarts = s->policy.restarts,
		.last_hang_ms = s->has_hang ? s->hang.snap->time_ns / HD_NS_PER_MS : 0,
		.longest_stop_us = hd_tracer_longest_stop_us(s->tracer),
	};
	memcpy(m.hangs_by_cause, s->count.by_cause, sizeof(m.hangs_by_cause));
	return m;
}

static void write_now(struct hd_supervisor *s, bool is_guarding)
{
	HD_CLEAN_BUF struct hd_buf text = {0};
	struct hd_err err = {0};
	struct hd_metrics m = numbers(s, is_guarding);
	hd_metrics_text(&m, &text);
	s->metrics.due_ms = hd_now_ms() + WRITE_EVERY_MS;
	s->metrics.hangs = s->count.hangs;
	if (hd_file_replace(s->options->metrics_path, hd_buf_text(&text), text.len, &err) == 0)
		s->metrics.is_said = false;
	else if (!s->metrics.is_said) {
		s->metrics.is_said = true;
		hd_say("--metrics: %s", err.text);
	}
}

void hd_metrics_keep(struct hd_supervisor *s)
{
	if (s->options->metrics_path != NULL && (s->metrics.hangs != s->count.hangs || hd_now_ms() >= s->metrics.due_ms))
		write_now(s, true);
}

void hd_metrics_end(struct hd_supervisor *s)
{
	if (s->options->metrics_path != NULL && s->started_ms != 0)
		write_now(s, false);
}
