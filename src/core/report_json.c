/* The report as `hangdog.report/1` (contract section 5).  Every key is always there, null when not known, in the order of the
 * contract; equal reports give equal bytes. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/itimers.h"
#include "hangdog/python.h"
#include "hangdog/timetext.h"
#include "hangdog/utf8.h"
#include "core/left.h"
#include "core/owner.h"
#include "report_json.h"
#include "report_words.h"

/* Text from the target.  JSON writes line breaks and the like as escapes, so they stay what they are; all else that would
 * act on a terminal, and broken UTF-8, becomes '?'. */
json_t *hd_json_text(const char *text)
{
	if (text == NULL)
		return json_null();
	struct hd_buf safe HD_CLEAN_BUF = {0};
	while (*text != '\0') {
		if ((unsigned char)*text < ' ')
			hd_buf_char(&safe, *text++);
		else
			hd_buf_utf8(&safe, hd_utf8_next(&text));
	}
	return json_string(hd_buf_text(&safe));
}

static json_t *buf_or_null(const struct hd_buf *buf)
{
	return buf->len != 0 ? hd_json_text(hd_buf_text(buf)) : json_null();
}

static json_t *address(uint64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

static json_t *address_or_null(uint64_t value)
{
	return value != 0 ? address(value) : json_null();
}

static json_t *positive_or_null(int64_t value)
{
	return value > 0 ? json_integer(value) : json_null();
}

static json_t *not_negative_or_null(int64_t value)
{
	return value >= 0 ? json_integer(value) : json_null();
}

static void put(json_t *object, const char *key, json_t *value)
{
	int rc = json_object_set_new_nocheck(object, key, value);
	HD_ASSERT(rc == 0); /* out of memory only */
}

static void add(json_t *array, json_t *value)
{
	int rc = json_array_append_new(array, value);
	HD_ASSERT(rc == 0);
}

static json_t *strings(const char *const *list)
{
	json_t *ret = json_array();
	for (uint32_t i = 0; list != NULL && list[i] != NULL; i++)
		add(ret, hd_json_text(list[i]));
	return ret;
}

static json_t *frame(const struct hd_frame *f)
{
	json_t *ret = json_object();
	bool is_python = f->kind == HD_FRAME_PYTHON;
	put(ret, "kind", json_string(is_python ? "python" : "native"));
	put(ret, "function", hd_json_text(f->function));
	if (!is_python) {
		put(ret, "module", hd_json_text(f->module));
		put(ret, "offset", address(f->module != NULL ? f->offset : f->pc));
	}
	put(ret, "file", hd_json_text(f->file));
	put(ret, "line", positive_or_null(f->line));
	if (f->locals != NULL)
		put(ret, "locals", strings(f->locals));
	return ret;
}

static json_t *stack(const struct hd_stack *s)
{
	json_t *ret = json_array();
	for (uint32_t i = 0; i < s->n; i++)
		add(ret, frame(&s->at[i]));
	return ret;
}

static json_t *fork_other(const struct hd_fork *fork, uint32_t k)
{
	const struct hd_fork_other *other = &fork->others[k];
	static const char *const how[] = {
		[HD_HOW_UNKNOWN] = "unknown", [HD_HOW_BLOCKED] = "blocked", [HD_HOW_STOPPED] = "stopped", [HD_HOW_PYTHON] = "python"};
	json_t *ret = json_object();
	put(ret, "tid", positive_or_null(other->tid));
	put(ret, "name", hd_json_text(other->name));
	put(ret, "stack", stack(&other->stack));
	put(ret, "how", json_string(how[other->how]));
	put(ret, "pid", positive_or_null(hd_fork_other_pid(fork, k)));
	return ret;
}

json_t *hd_json_fork(const struct hd_fork *fork)
{
	if (fork == NULL)
		return json_null();
	json_t *ret = json_object(), *others = json_array();
	put(ret, "time", fork->time_ns > 0 ? json_string(hd_time_rfc3339(fork->time_ns).text) : json_null());
	put(ret, "parent_pid", positive_or_null(fork->parent_pid));
	put(ret, "parent_tid", positive_or_null(fork->parent_tid));
	put(ret, "parent_threads", positive_or_null(fork->parent_threads));
	put(ret, "stack", stack(&fork->stack));
	for (uint32_t i = 0; i < fork->n_others; i++)
		add(others, fork_other(fork, i));
	put(ret, "others", others);
	return ret;
}

static json_t *owner_row(int32_t tid, int32_t pid, bool exists, bool is_inherited, const char *name)
{
	json_t *ret = json_object();
	put(ret, "tid", positive_or_null(tid));
	put(ret, "pid", positive_or_null(pid));
	put(ret, "exists", json_boolean(exists));
	put(ret, "inherited", json_boolean(is_inherited));
	put(ret, "name", hd_json_text(name));
	return ret;
}

/* An ownerless lock whose holder at the fork is known for sure has that one: it does not exist in the copy. */
static json_t *fork_holder_or_null(const struct hd_snapshot *snap, const struct hd_thread *thread, const struct hd_fork_holder *holder)
{
	const struct hd_fork *fork = snap->procs[thread->proc].fork;
	if (fork == NULL || holder->tid <= 0 || holder->confidence != HD_CONF_HIGH)
		return json_null();
	bool is_known = holder->other < fork->n_others;
	const char *name = is_known ? fork->others[holder->other].name : NULL;
	return owner_row(holder->tid, is_known ? hd_fork_other_pid(fork, holder->other) : fork->parent_pid, /* exists= */ false, /* is_inherited= */ true, name);
}

static json_t *owner_or_null(const struct hd_snapshot *snap, const struct hd_thread *thread, const struct hd_thread_verdict *tv)
{
	const struct hd_owner *owner = &tv->owner;
	if (owner->state == HD_OWNER_NONE)
		return fork_holder_or_null(snap, thread, &tv->holder);
	bool exists = owner->state == HD_OWNER_THREAD || owner->state == HD_OWNER_SELF || owner->state == HD_OWNER_ELSEWHERE;
	bool is_inherited = owner->state == HD_OWNER_INHERITED || owner->state == HD_OWNER_FORKER;
	return owner_row(owner->tid, owner->pid, exists, is_inherited, owner->name);
}

/* Nobody wakes himself: threads that share one list of wakers leave themselves out. */
static json_t *wakers(const struct hd_snapshot *snap, const struct hd_thread_verdict *tv, uint32_t t)
{
	json_t *ret = json_object(), *tids = json_array();
	for (uint32_t i = 0; i < tv->wakers.n; i++) {
		if (tv->wakers.at[i] != t)
			add(tids, json_integer(snap->threads[tv->wakers.at[i]].tid));
	}
	put(ret, "closed", json_boolean(tv->wait.outside == NULL && !tv->wait.has_deadline));
	put(ret, "tids", tids);
	put(ret, "outside", hd_json_text(tv->wait.outside != NULL ? tv->wait.outside : tv->wait.has_deadline ? "its wait has a time limit" : NULL));
	return ret;
}

/* Of the object where it is known, else of the word waited on, which may lie inside it; not of a word that only parks. */
static uint64_t wait_address(const struct hd_thread *thread)
{
	if (thread->lock.confidence == HD_CONF_HIGH && thread->lock.base != 0)
		return thread->lock.base;
	if (hd_lock_is_elsewhere(&thread->lock))
		return 0;
	return thread->n_words != 0 ? thread->words[0].addr : 0;
}

static json_t *wait_or_null(const struct hd_report *report, uint32_t t)
{
	const struct hd_thread *thread = &report->snap->threads[t];
	if (report->verdict == NULL || report->verdict->threads[t].wait.kind == HD_WAIT_NONE)
		return json_null();
	const struct hd_thread_verdict *tv = &report->verdict->threads[t];
	const struct hd_wait *wait = &tv->wait;
	struct hd_buf object HD_CLEAN_BUF = {0};
	hd_words_object(report->snap, wait, t, &object);
	json_t *ret = json_object();
	put(ret, "syscall", hd_json_text(wait->syscall));
	put(ret, "kind", json_string(wait->kind == HD_WAIT_FUTEX ? hd_lock_json(thread->lock.kind) : hd_wait_json(wait->kind)));
	put(ret, "object", buf_or_null(&object));
	put(ret, "address", address_or_null(wait_address(thread)));
	put(ret, "timeout_ms", wait->timeout_ns >= 0 ? json_integer(wait->timeout_ns / HD_NS_PER_MS) : json_null());
	put(ret, "repeats", thread->repeat_ns > 0 ? json_integer((json_int_t)thread->repeats) : json_null());
	put(ret, "repeats_ms", thread->repeat_ns > 0 ? json_integer(thread->repeat_ns / HD_NS_PER_MS) : json_null());
	put(ret, "owner", owner_or_null(report->snap, thread, tv));
	put(ret, "wakers", wakers(report->snap, tv, t));
	return ret;
}

static json_t *spin_or_null(const struct hd_thread *thread)
{
	if (thread->spin_ns <= 0)
		return json_null();
	json_t *ret = json_object();
	put(ret, "for_ms", json_integer(thread->spin_ns / HD_NS_PER_MS));
	put(ret, "samples", json_integer(thread->spin_samples));
	put(ret, "address", address_or_null(thread->spin_addr));
	put(ret, "value", json_integer(thread->spin_value));
	return ret;
}

static json_t *thread_json(const struct hd_report *report, uint32_t t)
{
	const struct hd_thread *thread = &report->snap->threads[t];
	const char state[] = {thread->state != '\0' ? thread->state : '?', '\0'};
	json_t *ret = json_object();
	put(ret, "tid", json_integer(thread->tid));
	put(ret, "name", hd_json_text(thread->py_name != NULL ? thread->py_name : thread->name));
	put(ret, "state", hd_json_text(state));
	put(ret, "deadlocked", report->verdict == NULL ? json_null()
						      : json_boolean(report->verdict->threads[t].certainty != HD_CERT_NONE));
	put(ret, "starved", report->verdict == NULL ? json_null() : json_boolean(report->verdict->threads[t].is_starved));
	put(ret, "in_fork", hd_json_text(hd_fork_phase(report->snap, t)));
	put(ret, "wait", wait_or_null(report, t));
	put(ret, "spin", spin_or_null(thread));
	put(ret, "stack", stack(&thread->stack));
	put(ret, "gil", thread->gil == HD_GIL_NONE ? json_null() : json_string(thread->gil == HD_GIL_HOLDS ? "holds" : "waits"));
	return ret;
}

static json_t *tasks(const struct hd_proc *proc)
{
	json_t *ret = json_array();
	for (uint32_t i = 0; i < proc->n_tasks; i++) {
		json_t *task = json_object();
		put(task, "name", hd_json_text(proc->tasks[i].name));
		put(task, "awaits", hd_json_text(proc->tasks[i].awaits));
		put(task, "stack", stack(&proc->tasks[i].stack));
		add(ret, task);
	}
	return ret;
}

static json_t *process_json(const struct hd_report *report, uint32_t p)
{
	const struct hd_proc *proc = &report->snap->procs[p];
	json_t *ret = json_object(), *threads = json_array();
	put(ret, "pid", json_integer(proc->pid));
	put(ret, "ppid", json_integer(proc->ppid));
	put(ret, "comm", hd_json_text(proc->comm));
	put(ret, "command", strings(proc->argv));
	put(ret, "status", report->verdict == NULL ? json_null() : json_string(hd_status_name(report->verdict->procs[p].status)));
	put(ret, "fork", hd_json_fork(proc->fork));
	for (uint32_t i = 0; i < proc->n_threads; i++)
		add(threads, thread_json(report, proc->first_thread + i));
	put(ret, "threads", threads);
	put(ret, "alarm_in_ms", hd_alarm_ends(report->snap, p) ? json_integer(proc->alarm_ns / HD_NS_PER_MS) : json_null());
	put(ret, "python", proc->python == NULL ? json_null() : json_pack("{s:o, s:b}", "version", hd_json_text(proc->python), "gc_running", proc->gc_running));
	if (proc->tasks != NULL)
		put(ret, "tasks", tasks(proc));
	return ret;
}

static json_t *processes(const struct hd_report *report)
{
	json_t *ret = json_array();
	for (uint32_t p = 0; p < report->snap->n_procs; p++) {
		if (report->snap->procs[p].in_tree)
			add(ret, process_json(report, p));
	}
	return ret;
}

/* By this child or another of these. */
static json_t *left_behind(const struct hd_report *report)
{
	const char *clauses[HD_LEFT_MAX];
	json_t *ret = json_array();
	uint32_t n = report->verdict != NULL ? hd_left_behind(report->snap, report->verdict, report->snap->arena, clauses) : 0;
	for (uint32_t i = 0; i < n; i++)
		add(ret, hd_json_text(clauses[i]));
	return ret;
}

static json_t *children_lost(const struct hd_report *report)
{
	json_t *ret = json_array(), *left = report->snap->n_lost > 0 ? left_behind(report) : NULL;
	for (uint32_t i = 0; i < report->snap->n_lost; i++) {
		const struct hd_lost *lost = &report->snap->lost[i];
		if (!hd_lost_is_told(report->snap, report->verdict, i))
			continue;
		const uint32_t *waiters = report->verdict != NULL ? report->verdict->lost_waiters : NULL;
		json_t *row = json_object();
		put(row, "pid", json_integer(lost->pid));
		put(row, "comm", hd_json_text(lost->comm));
		put(row, "signal", positive_or_null(lost->signal));
		put(row, "status", not_negative_or_null(lost->status));
		put(row, "waited_by", positive_or_null(waiters != NULL ? waiters[i] : 0));
		put(row, "core_dumped", json_boolean(lost->has_core));
		put(row, "core_pattern", hd_json_text(lost->core_pattern));
		put(row, "oom_kills", positive_or_null(lost->oom_kills));
		put(row, "left", json_incref(left));
		add(ret, row);
	}
	json_decref(left);
	return ret;
}

static json_t *advice(const struct hd_report *report)
{
	json_t *ret = json_array();
	for (uint32_t i = 0; i < report->n_advice && !report->is_dump; i++) {
		const struct hd_advice *a = &report->advice[i];
		json_t *row = json_object();
		put(row, "rule", hd_json_text(a->rule));
		put(row, "title", hd_json_text(a->title));
		put(row, "text", hd_json_text(a->text));
		put(row, "cure", hd_json_text(a->cure));
		put(row, "source", hd_json_text(a->source));
		add(ret, row);
	}
	return ret;
}

static json_t *culprits(const struct hd_report *report)
{
	json_t *ret = json_array();
	for (uint32_t i = 0; report->verdict != NULL && i < report->verdict->n_culprits; i++)
		add(ret, json_integer(report->snap->procs[report->verdict->culprits[i]].pid));
	return ret;
}

static json_t *action_or_null(const struct hd_report *report)
{
	if (report->action.taken == NULL)
		return json_null();
	json_t *ret = json_object();
	put(ret, "taken", hd_json_text(report->action.taken));
	put(ret, "result", hd_json_text(report->action.result));
	put(ret, "done", json_boolean(!report->action.has_failed));
	return ret;
}

static json_t *cost(const struct hd_report *report)
{
	json_t *ret = json_object();
	put(ret, "longest_stop_us", not_negative_or_null(report->longest_stop_us));
	put(ret, "capture_ms", not_negative_or_null(report->capture_ms));
	return ret;
}

static void put_verdict(json_t *ret, const struct hd_report *report)
{
	const struct hd_verdict *v = report->is_dump ? NULL : report->verdict;
	json_t *assumes = json_array();
	bool is_hang = v != NULL && v->kind != HD_VERDICT_NONE;
	if (is_hang && v->assumes_no_signal)
		add(assumes, json_string("no-signal-from-outside"));
	put(ret, "verdict", v != NULL ? json_string(hd_verdict_name(v->kind)) : json_null());
	put(ret, "scope", hd_json_text(is_hang ? hd_scope_name(v->scope) : NULL));
	put(ret, "certainty", hd_json_text(is_hang ? hd_certainty_name(v->certainty) : NULL));
	put(ret, "assumes", assumes);
	put(ret, "cause", hd_json_text(is_hang ? hd_cause_name(v->cause) : NULL));
	put(ret, "summary", hd_json_text(v != NULL ? v->summary : NULL));
	put(ret, "blocked_for_ms", is_hang ? json_integer(v->blocked_ns / HD_NS_PER_MS) : json_null());
}

void hd_json_write(json_t *root, struct hd_buf *out)
{
	char *text = json_dumps(root, JSON_INDENT(1));
	HD_ASSERT(text != NULL); /* out of memory only */
	hd_buf_str(out, text);
	hd_buf_char(out, '\n');
	free(text);
	json_decref(root);
}

void hd_report_json(const struct hd_report *report, struct hd_buf *out)
{
	const struct hd_snapshot *snap = report->snap;
	json_t *root = json_object();
	put(root, "schema", json_string("hangdog.report/1"));
	put(root, "hangdog", json_string(HD_VERSION));
	put(root, "id", hd_json_text(report->id));
	put(root, "time", json_string(hd_time_rfc3339(snap->time_ns).text));
	put(root, "host", hd_json_text(snap->host));
	put(root, "root", json_integer(snap->root));
	put(root, "command", strings(hd_snapshot_command(snap)));
	put_verdict(root, report);
	put(root, "culprits", culprits(report));
	put(root, "processes", processes(report));
	put(root, "children_lost", children_lost(report));
	put(root, "advice", advice(report));
	put(root, "action", action_or_null(report));
	put(root, "cost", cost(report));
	put(root, "unseen", hd_json_text(report->verdict != NULL && !report->is_dump ? report->verdict->unseen : NULL));
	hd_json_write(root, out);
}
