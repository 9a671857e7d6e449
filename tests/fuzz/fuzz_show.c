/* Everything that is made of a snapshot, of any snapshot: it is judged, the certificate is checked by itself, cures for
 * it are planned over hostile memory, and each text that a person or a program gets of it is clean: no control character
 * or broken UTF-8 of a name reaches a terminal, and JSON is JSON.  The input is a snapshot.hds. */
#include <jansson.h>

#include "echo.h"
#include "hangdog/audit.h"
#include "hangdog/folded.h"
#include "hangdog/heal.h"
#include "hangdog/killchild.h"
#include "hangdog/metrics.h"
#include "hangdog/report.h"
#include "hangdog/snapshot_io.h"
#include "hangdog/view.h"
#include "printable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Larger ones are slow, and show nothing new. */
#define ROWS_MAX 400u

struct shown {
	const struct hd_snapshot *snap;
	struct hd_verdict *verdict;
	struct hd_advice advice[HD_ADVICE_MAX];
	uint32_t n_advice;
	struct hd_arena *arena;
	struct hd_buf out;
};

static void check_text(struct shown *s, bool may_color)
{
	assert_printable(hd_buf_text(&s->out), s->out.len, may_color);
	hd_buf_clear(&s->out);
}

static void check_json(struct shown *s)
{
	json_error_t why;
	json_t *json = json_loadb(hd_buf_text(&s->out), s->out.len, 0, &why);
	HD_ASSERT(json_is_object(json));
	json_decref(json);
	check_text(s, false);
}

static void check_verdict(const struct shown *s)
{
	const struct hd_verdict *v = s->verdict;
	struct hd_verdict *again = hd_decide(s->snap, s->arena);
	HD_ASSERT(v->certificate_ok || v->kind != HD_VERDICT_DEADLOCK);
	HD_ASSERT(!v->certificate_ok || hd_certificate_check(&v->graph, &v->certificate));
	HD_ASSERT(again->kind == v->kind && again->certainty == v->certainty && again->cause == v->cause && again->lead == v->lead);
	HD_ASSERT(!s->snap->truncated || v->certainty < HD_CERT_OWNED);
}

static void report(struct shown *s, bool is_dump)
{
	struct hd_report report = {.id = "20261124T085912.123Z-4242-1", .snap = s->snap, .verdict = is_dump ? NULL : s->verdict,
				   .advice = s->advice, .n_advice = is_dump ? 0 : s->n_advice, .longest_stop_us = -1, .is_dump = is_dump};
	static const unsigned widths[] = {20, 80, 200};
	for (unsigned i = 0; i < 2 * HD_COUNTOF(widths); i++) {
		struct hd_text_style style = {.color = i % 2 != 0, .verbose = i > 2, .width = widths[i / 2]};
		hd_report_text(&report, &style, &s->out);
		check_text(s, style.color);
	}
	hd_report_json(&report, &s->out);
	check_json(s);
}

static void stacks(struct shown *s)
{
	hd_report_folded(s->snap, &s->out);
	check_text(s, false);
	hd_report_merged(s->snap, &s->out);
	check_text(s, false);
}

static void audit(struct shown *s)
{
	struct hd_audit_fork *forks = HD_NEW_N(s->arena, (size_t)s->snap->n_procs + 1, struct hd_audit_fork);
	struct hd_audit audit = {.forks = forks, .total = s->snap->n_procs, .all_forks = s->snap->n_procs};
	for (uint32_t p = 0; p < s->snap->n_procs; p++) {
		const struct hd_proc *proc = &s->snap->procs[p];
		uint32_t threads = proc->fork != NULL ? proc->fork->parent_threads : p % 3;
		forks[audit.n++] = (struct hd_audit_fork){proc->pid, proc->fork, threads, proc->has_exec};
	}
	struct hd_text_style style = {.width = 80, .verbose = true};
	hd_audit_text(&audit, &style, &s->out);
	check_text(s, false);
	hd_audit_json(&audit, &s->out);
	check_json(s);
}

static void metrics(struct shown *s)
{
	const char *name = s->snap->n_procs != 0 ? s->snap->procs[0].comm : NULL;
	struct hd_metrics m = {.supervisor = s->snap->supervisor, .command = name != NULL ? name : "", .longest_stop_us = -1};
	hd_metrics_text(&m, &s->out);
	check_text(s, false);
}

/* Said by hangdog in lines of its own, which are made safe there. */
static void plans(const struct shown *s, struct echo *echo)
{
	uint32_t *targets = NULL;
	const char *refusal = NULL;
	struct hd_kill_child kill = hd_kill_child_plan(s->snap, s->verdict, s->arena);
	HD_ASSERT(kill.refusal != NULL || kill.n > 0);
	for (uint32_t i = 0; i < kill.n; i++)
		HD_ASSERT(kill.procs[i] < s->snap->n_procs);
	uint32_t n = hd_heal_targets(s->snap, s->verdict, s->arena, &targets, &refusal);
	for (uint32_t i = 0; i < n; i++) {
		struct hd_heal heal;
		HD_ASSERT(targets[i] < s->snap->n_threads && s->verdict->threads[targets[i]].certainty >= HD_CERT_OWNED);
		if (hd_heal_plan(s->snap, s->verdict, targets[i], &echo->mem, s->arena, &heal) != NULL)
			continue;
		HD_ASSERT(heal.n_writes >= 1 && heal.n_writes <= HD_HEAL_WRITES_MAX);
		for (unsigned k = 0; k < heal.n_writes; k++) {
			unsigned len = heal.writes[k].len;
			HD_ASSERT((len == 1 || len == 4 || len == 8) && heal.writes[k].addr % len == 0);
		}
	}
}

static void check_screen(const struct hd_screen *screen, bool utf8)
{
	for (size_t i = 0; i < (size_t)screen->width * screen->height; i++) {
		uint32_t ch = screen->at[i].ch;
		HD_ASSERT(ch == 0 || (is_plain(ch) && (utf8 || ch < 0x80)));
	}
}

static void view(const struct shown *s, const uint8_t *keys, size_t n_keys)
{
	static const unsigned sizes[][2] = {{80, 24}, {20, 5}, {200, 60}, {1, 1}};
	static const uint32_t every[] = {'?', '?', 't', 'T', 'w', 's', 'f', 'a', 'L', 'o', 'z', HD_KEY_DOWN, HD_KEY_TAB, HD_KEY_DOWN, '!', '/', 'a', '\n', HD_KEY_ESC};
	struct hd_view_tree tree = {.snap = s->snap, .verdict = s->verdict, .advice = s->advice, .n_advice = s->n_advice};
	struct hd_view_model model = {.trees = &tree, .n_trees = 1, .is_recording = true};
	struct hd_view_style style = {.utf8 = s->snap->n_threads % 2 == 0, .colors = 256};
	struct hd_view *view = hd_view_new(&style);
	hd_view_model(view, &model);
	hd_view_say(view, "10:21:03", s->snap->host != NULL ? s->snap->host : "");
	for (size_t i = 0; i < HD_COUNTOF(sizes); i++) {
		hd_view_resize(view, sizes[i][0], sizes[i][1]);
		for (size_t k = 0; k < HD_COUNTOF(every); k++) {
			uint32_t key = k % 2 == 0 || n_keys == 0 ? every[k] : keys[(i + k) % n_keys];
			(void)hd_view_key(view, &(struct hd_view_event){.key = key});
			check_screen(hd_view_paint(view), style.utf8);
		}
	}
	hd_view_free(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hd_snapshot *snap = NULL;
	struct hd_err err = {0};
	if (size == 0 || hd_snapshot_read((const char *)data, size, &snap, &err) != 0)
		return 0;
	struct echo echo = {.mem.read = echo_read, .data = data, .size = size};
	struct shown s = {.snap = snap, .arena = hd_arena_new()};
	if (snap->n_threads <= ROWS_MAX && snap->n_procs <= ROWS_MAX && snap->n_objects <= ROWS_MAX) {
		s.verdict = hd_decide(snap, s.arena);
		if (s.verdict->kind == HD_VERDICT_NONE && snap->stall_ns > 0)
			hd_verdict_stall(snap, s.verdict, snap->stall_ns, s.arena);
		s.n_advice = hd_advise(snap, s.verdict, s.advice);
		check_verdict(&s);
		report(&s, false);
		report(&s, true);
		stacks(&s);
		audit(&s);
		metrics(&s);
		plans(&s, &echo);
		view(&s, data + size / 2, size / 2);
	}
	hd_buf_release(&s.out);
	hd_arena_free(s.arena);
	hd_snapshot_free(snap);
	return 0;
}
