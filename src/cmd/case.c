#include "cmd/case.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/supervisor.h"
#include "hangdog/capture.h"
#include "hangdog/clock.h"
#include "hangdog/incident.h"
#include "hangdog/snapshot_io.h"

void hd_case_decide(struct hd_case *c)
{
	c->verdict = hd_decide(c->snap, c->arena);
	if (c->verdict->kind == HD_VERDICT_NONE && c->snap->stall_ns > 0)
		hd_verdict_stall(c->snap, c->verdict, c->snap->stall_ns, c->arena);
	c->n_advice = hd_advise(c->snap, c->verdict, c->advice);
}

void hd_case_init(struct hd_case *c, struct hd_snapshot *snap)
{
	*c = (struct hd_case){.snap = snap, .arena = hd_arena_new(), .longest_stop_us = -1};
	hd_case_decide(c);
}

void hd_case_drop_captures(struct hd_case *c)
{
	for (uint32_t p = 0; c->captures != NULL && p < c->snap->n_procs; p++)
		hd_capture_free(c->captures[p]);
	c->captures = NULL;
}

void hd_case_release(struct hd_case *c)
{
	hd_case_drop_captures(c);
	hd_arena_free(c->arena);
	hd_snapshot_free(c->snap);
	*c = (struct hd_case){0};
}

bool hd_case_suppose_no_timers(struct hd_case *c)
{
	bool any = false;
	for (uint32_t p = 0; p < c->snap->n_procs && c->verdict->kind == HD_VERDICT_NONE; p++) {
		struct hd_proc *pr = &c->snap->procs[p];
		if (!pr->itimers_unasked)
			continue;
		pr->timer_armed = HD_NO;
		any = true;
	}
	c->supposes_no_timers = any;
	if (any)
		hd_case_decide(c);
	return c->verdict->kind == HD_VERDICT_DEADLOCK;
}

static bool agrees(const struct hd_case *first, const struct hd_case *second)
{
	const struct hd_thread *was = &first->snap->threads[first->verdict->lead];
	uint32_t t = hd_snapshot_thread(second->snap, was->tid);
	if (second->verdict->kind != HD_VERDICT_DEADLOCK || t == HD_NONE)
		return false;
	const struct hd_thread *is = &second->snap->threads[t];
	return is->start == was->start && is->voluntary == was->voluntary && is->involuntary == was->involuntary &&
	       second->verdict->threads[t].certainty >= first->verdict->threads[first->verdict->lead].certainty;
}

bool hd_case_confirm(struct hd_case *c, struct hd_watcher *w, const struct hd_model *model)
{
	struct hd_snapshot *snap;
	struct hd_case again;
	if (c->verdict->lead == HD_NONE || hd_watcher_gather(w, model, &snap, NULL) < 0)
		return false;
	hd_case_init(&again, snap);
	bool is_same = (!c->supposes_no_timers || hd_case_suppose_no_timers(&again)) && agrees(c, &again);
	hd_case_release(c);
	*c = again;
	return is_same;
}

/* A report tells where the neighbours of a stuck thread stand, too; a crowd of idle ones would only delay it. */
#define NEIGHBOURS_MAX 128u

static bool is_stuck(const struct hd_case *c, uint32_t t)
{
	return c->verdict->threads[t].certainty != HD_CERT_NONE || c->verdict->threads[t].is_starved;
}

static bool has_stuck(const struct hd_case *c, const struct hd_proc *proc)
{
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		if (is_stuck(c, t))
			return true;
	}
	return false;
}

/* Stuck threads, and what shares a process with them: reading a stack stops nobody. */
static uint8_t *told_threads(const struct hd_case *c)
{
	uint8_t *want = HD_NEW_N(c->arena, (size_t)c->snap->n_threads + 1, uint8_t);
	uint32_t n = 0;
	for (uint32_t p = 0; p < c->snap->n_procs; p++) {
		const struct hd_proc *proc = &c->snap->procs[p];
		bool is_near = has_stuck(c, proc);
		for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++)
			want[t] = is_stuck(c, t) || (is_near && n++ < NEIGHBOURS_MAX);
	}
	return want;
}

#define SLICES_MAX 10000 /* some seconds; then the rest at once */

void hd_case_prepare(struct hd_case *c, struct hd_watcher *w, struct hd_tracer *tracer, const struct hd_stack_options *options, bool all)
{
	const uint8_t *want = all ? NULL : told_threads(c);
	for (int i = 0; i < SLICES_MAX && !hd_watcher_prepare(w, c->snap, want, options); i++) {
		if (hd_tracer_drain(tracer) < 0)
			return; /* the loop will meet it again */
	}
}

void hd_case_stacks(struct hd_case *c, struct hd_watcher *w, const struct hd_stack_options *options, bool all)
{
	int64_t before_ms = hd_now_ms();
	hd_watcher_stacks(w, c->snap, all ? NULL : told_threads(c), options);
	c->capture_ms += hd_now_ms() - before_ms;
	if (!c->is_dump) /* that tells no sentences, which names would better */
		hd_case_decide(c);
}

void hd_case_view_stacks(struct hd_case *c, struct hd_watcher *w, int32_t tid)
{
	uint8_t *want = told_threads(c);
	uint32_t t = tid != 0 ? hd_snapshot_thread(c->snap, tid) : HD_NONE;
	if (t != HD_NONE)
		want[t] = 1;
	hd_watcher_stacks(w, c->snap, want, &(struct hd_stack_options){.native = true, .python = true});
	hd_case_decide(c);
}

static struct hd_report case_view(const struct hd_case *c)
{
	return (struct hd_report){
		.id = c->id,
		.snap = c->snap,
		.verdict = c->verdict,
		.advice = c->advice,
		.n_advice = c->n_advice,
		.action = c->action,
		.longest_stop_us = c->longest_stop_us,
		.capture_ms = c->capture_ms,
		.is_dump = c->is_dump,
		.only_python = c->only_python,
		.each_thread = c->each_thread,
	};
}

void hd_case_json(const struct hd_case *c, struct hd_buf *out)
{
	struct hd_report report = case_view(c);
	hd_report_json(&report, out);
}

void hd_case_text(const struct hd_case *c, const struct hd_text_style *style, struct hd_buf *out)
{
	struct hd_report report = case_view(c);
	hd_report_text(&report, style, out);
}

/* Files are read on other machines and by pagers: no colour, 80 columns, everything in it. */
static const struct hd_text_style file_style = {.verbose = true, .width = 80};

int hd_case_record(struct hd_case *c, const char *incident_dir, struct hd_err *err)
{
	HD_CLEAN_BUF struct hd_buf json = {0}, text = {0}, snapshot = {0};
	if (c->id == NULL)
		c->id = hd_incident_id(c->snap->time_ns, c->snap->root, c->arena);
	hd_case_json(c, &json);
	hd_case_text(c, &file_style, &text);
	hd_snapshot_write(c->snap, &snapshot);
	struct hd_incident_files files = {hd_buf_text(&json), hd_buf_text(&text), hd_buf_text(&snapshot)};
	const char *dir = hd_incident_dir(incident_dir, c->arena);
	if (dir == NULL)
		return hd_err_set(err, ENOENT, "incidents: no place to keep them: set HOME or give --incident-dir DIR");
	return hd_incident_write(dir, c->id, &files, c->arena, &c->path, err);
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

int hd_case_report(const struct hd_case *c, const char *file, bool json, struct hd_err *err)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	if (json || ends_with(file, ".json"))
		hd_case_json(c, &out);
	else
		hd_case_text(c, &file_style, &out);
	if (strcmp(file, "-") != 0)
		return hd_file_replace(file, hd_buf_text(&out), out.len, err);
	if (fwrite(out.text, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
		return hd_err_set(err, errno != 0 ? errno : EIO, "--report -: stdout cannot be written to");
	return 0;
}

#define FNV_START UINT64_C(0xcbf29ce484222325)

static uint64_t mix(uint64_t hash, uint64_t value)
{
	/* FNV-1a over the eight bytes. */
	for (int i = 0; i < 8; i++)
		hash = (hash ^ ((value >> (8 * i)) & 0xff)) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t hd_case_fingerprint(const struct hd_case *c)
{
	uint64_t hash = FNV_START;
	for (uint32_t t = 0; t < c->snap->n_threads; t++) {
		const struct hd_thread *th = &c->snap->threads[t];
		if (c->verdict->threads[t].certainty == HD_CERT_NONE)
			continue;
		hash = mix(mix(mix(hash, (uint64_t)th->tid), th->start), th->voluntary);
	}
	/* A stall is told once in a quiet phase already: the next one is another. */
	return c->verdict->kind == HD_VERDICT_STALL ? mix(hash, (uint64_t)c->snap->time_ns) : hash;
}

uint64_t hd_case_signature(const struct hd_case *c)
{
	uint64_t hash = FNV_START;
	for (const char *p = c->verdict->signature; p != NULL && *p != '\0'; p++)
		hash = mix(hash, (unsigned char)*p);
	return hash != 0 ? hash : 1;
}
