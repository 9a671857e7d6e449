/* From a due look to a verdict that is written down: look, gather, decide, report, then act. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/dump.h"
#include "cmd/log.h"
#include "cmd/metrics.h"
#include "cmd/say.h"
#include "cmd/supervisor.h"
#include "hangdog/clock.h"
#include "hangdog/incident.h"
#include "hangdog/procfs.h"

#define MEASURE_EVERY_MS 1000 /* how often progress is measured, at most */
#define SLICES_MAX 10000 /* some seconds of indexing; then the rest at once */
#define INCIDENTS_KEPT 100 /* unless --keep says otherwise */

static void report_to_people(const struct hd_supervisor *s, const struct hd_case *c)
{
	HD_CLEAN_BUF struct hd_buf text = {0};
	struct hd_text_style style = hd_say_style(stderr, s->options);
	style.width = style.width > 9 ? style.width - 9 : style.width; /* each line begins "hangdog: " */
	if (s->options->quiet)
		return;
	hd_case_text(c, &style, &text);
	hd_say_text(hd_buf_text(&text));
	if (c->path != NULL)
		hd_say("recorded in %s", c->path);
}

/* --keep N: only the newest N incidents stay. */
static int drop_old(const struct hd_supervisor *s, struct hd_err *err)
{
	int64_t keep = s->options->keep >= 0 ? s->options->keep : INCIDENTS_KEPT;
	struct hd_arena *arena = hd_arena_new();
	size_t removed;
	int r = keep == 0 ? 0 : hd_incident_prune(hd_incident_dir(s->options->incident_dir, arena), (size_t)keep, &removed, err);
	hd_arena_free(arena);
	return r;
}

/* On disk before anything is done about it.  Failing to write is said, and guarding goes on. */
static void write_down(const struct hd_supervisor *s, struct hd_case *c, bool is_final)
{
	struct hd_err err = {0};
	const char *path = s->options->report_path;
	if (hd_case_record(c, s->options->incident_dir, &err) < 0 || drop_old(s, &err) < 0)
		hd_say("%s", err.text);
	/* A file is replaced by the final report; on stdout each hang is told once. */
	if (path != NULL && (is_final || strcmp(path, "-") != 0) && hd_case_report(c, path, s->options->json, &err) < 0)
		hd_say("%s", err.text);
}

static void take_case(struct hd_supervisor *s, struct hd_case *c)
{
	if (s->has_hang)
		hd_case_release(&s->hang);
	s->hang = *c;
	s->has_hang = true;
	s->is_hang_over = false;
}

/* In a stall anybody may be the culprit, also who runs: all stacks, as for a dump. */
static void fill_stacks(const struct hd_supervisor *s, struct hd_case *c)
{
	struct hd_stack_options stacks = {.native = true, .python = true};
	if (c->verdict->kind == HD_VERDICT_STALL)
		hd_dump_stacks(c, s->watcher, hd_tracer_is_observing(s->tracer) ? NULL : s->tracer, &stacks);
	else {
		hd_case_prepare(c, s->watcher, s->tracer, &stacks, /* all= */ false);
		hd_case_stacks(c, s->watcher, &stacks, /* all= */ false);
	}
}

/* What copies hang on now, later copies may hang on too: then it is known whether the lock was taken at their birth. */
static void remember_locks(struct hd_supervisor *s, const struct hd_case *c)
{
	for (uint32_t t = 0; t < c->snap->n_threads; t++) {
		const struct hd_thread *thread = &c->snap->threads[t];
		if (c->verdict->threads[t].certainty != HD_CERT_NONE && c->snap->procs[thread->proc].fork != NULL &&
		    thread->n_words == 1 && thread->words[0].mapping == HD_MAPPING_PRIVATE && thread->lock.owner_tid == 0)
			hd_forkev_watch(s->forkev, &thread->lock, &thread->words[0]);
	}
}

static void handle_hang(struct hd_supervisor *s, struct hd_case *c)
{
	remember_locks(s, c);
	fill_stacks(s, c);
	c->longest_stop_us = hd_tracer_longest_stop_us(s->tracer);
	take_case(s, c);
	s->count.hangs++;
	s->count.by_cause[s->hang.verdict->cause]++;
	write_down(s, &s->hang, /* is_final= */ false);
	hd_log_hang(s);
	report_to_people(s, &s->hang);
	hd_supervisor_act(s);
	write_down(s, &s->hang, /* is_final= */ true); /* again, now with what came of it */
	hd_log_action(s);
}

/* What has happened since the first look counts, too: births and ends are taken in before the second. */
static bool is_confirmed(struct hd_supervisor *s, struct hd_case *c)
{
	s->has_failed |= hd_tracer_drain(s->tracer) < 0;
	return s->watcher != NULL && hd_case_confirm(c, s->watcher, s->model);
}

/* Something may be dead: the whole truth about it. */
static void investigate(struct hd_supervisor *s, int64_t stall_ns)
{
	struct hd_snapshot *snap;
	struct hd_case c;
	struct hd_err err = {0};
	int r = s->slices < SLICES_MAX ? hd_watcher_gather_slice(s->watcher, s->model, &snap, &err)
				       : hd_watcher_gather(s->watcher, s->model, &snap, &err);
	s->slices = r == -EAGAIN ? s->slices + 1 : 0;
	s->sliced_stall_ns = stall_ns;
	if (r == -EAGAIN)
		return; /* the loop serves the events and comes back */
	if (r < 0) {
		s->rhythm.is_said &= stall_ns == 0;
		return; /* it changed under our eyes: the next look will tell */
	}
	s->count.gathers++;
	snap->stall_ns = stall_ns;
	hd_case_init(&c, snap);
	bool can_ask = !hd_tracer_is_observing(s->tracer);
	bool is_hang = c.verdict->kind != HD_VERDICT_NONE || (can_ask && hd_case_suppose_no_timers(&c));
	uint64_t hang = is_hang ? hd_case_fingerprint(&c) : 0;
	if (hang == 0 || hang == s->known_hang) {
		hd_case_release(&c);
		return;
	}
	if (c.verdict->kind == HD_VERDICT_DEADLOCK && !(is_confirmed(s, &c) && hd_timers_settle(s, &c))) {
		hd_case_release(&c);
		return;
	}
	s->known_hang = hd_case_fingerprint(&c);
	handle_hang(s, &c);
}

bool hd_supervisor_is_stopped(const struct hd_supervisor *s)
{
	char state = hd_procfs_state(hd_tracer_root(s->tracer));
	return state == 'T' || state == 't';
}

/* Nothing moved for too long?  Gives for how long then, else 0.  Measured no more often than makes a difference. */
static int64_t stalled_ns(struct hd_supervisor *s, const struct hd_look *look, int64_t now_ms)
{
	int64_t now_ns = now_ms * HD_NS_PER_MS;
	if (s->options->stall_ms == 0 || now_ms < s->measure_due_ms)
		return 0;
	s->measure_due_ms = now_ms + (s->options->stall_ms / 10 < MEASURE_EVERY_MS ? s->options->stall_ms / 10 : MEASURE_EVERY_MS);
	struct hd_tracer *tracer = hd_tracer_is_observing(s->tracer) ? NULL : s->tracer;
	uint64_t spin_ns = s->progress.cpu ? hd_watcher_spins(s->watcher, tracer, hd_meter_silent_ns(s->meter, now_ns),
							      hd_rhythm_patience_ns(&s->rhythm)) : 0;
	if (hd_supervisor_is_stopped(s))
		hd_rhythm_skip(&s->rhythm, now_ns);
	else if (hd_meter_read(s->meter, s->model, look->cpu_ns > spin_ns ? look->cpu_ns - spin_ns : 0, now_ns))
		hd_rhythm_move(&s->rhythm, now_ns);
	else if (hd_rhythm_quiet_ns(&s->rhythm, now_ns) > hd_rhythm_patience_ns(&s->rhythm) / 4)
		hd_watcher_sample(s->watcher, (uint64_t)s->rhythm.moved_ns | 1);
	return hd_rhythm_alarm(&s->rhythm, now_ns) ? hd_rhythm_quiet_ns(&s->rhythm, now_ns) : 0;
}

void hd_supervisor_go_on(struct hd_supervisor *s)
{
	if (s->watcher == NULL)
		s->slices = 0;
	else if (s->slices == SLICES_MAX || hd_watcher_prepare_gather(s->watcher, s->model))
		investigate(s, s->sliced_stall_ns);
	else
		s->slices++;
}

void hd_supervisor_look(struct hd_supervisor *s)
{
	struct hd_look look;
	int64_t now_ms = hd_now_ms();
	s->look_due_ms = now_ms + s->options->interval_ms;
	if (s->watcher == NULL || hd_watcher_look(s->watcher, s->model, &look) < 0)
		return; /* the tree is gone or changing; its end comes as an event */
	s->count.looks++;
	s->threads = look.threads;
	s->cpu_ns = look.cpu_ns;
	int64_t stall_ns = stalled_ns(s, &look, now_ms);
	if (look.suspects > 0 || stall_ns > 0)
		investigate(s, stall_ns);
	hd_metrics_keep(s);
}
