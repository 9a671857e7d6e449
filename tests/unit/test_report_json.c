/* The JSON report, read back by a JSON parser: contract section 5, key by key. */
#include <criterion/criterion.h>
#include <jansson.h>

#include "../lib/sample_verdicts.h"
#include "hangdog/report.h"

TestSuite(report_json, .timeout = 20);

static char *text_of(const struct hd_snapshot *s, const struct hd_verdict *v, bool is_dump)
{
	struct hd_advice advice[HD_ADVICE_MAX];
	struct hd_report r = {.id = "20261124T085912.123Z-4242-1", .snap = s, .verdict = v, .advice = advice, .longest_stop_us = -1, .capture_ms = 12,
			      .is_dump = is_dump};
	struct hd_buf out = {0};
	r.n_advice = v != NULL ? hd_advise(s, v, advice) : 0;
	hd_report_json(&r, &out);
	return out.text;
}

static json_t *parsed(const struct hd_snapshot *s, const struct hd_verdict *v, bool is_dump)
{
	json_error_t error;
	char *text = text_of(s, v, is_dump);
	cr_assert_eq(text[strlen(text) - 1], '\n');
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	cr_assert_not_null(root, "%s at line %d of\n%s", error.text, error.line, text);
	free(text);
	return root;
}

static void assert_keys(const json_t *object, const char *const *keys, size_t n, const char *what)
{
	size_t i = 0;
	cr_assert(json_is_object(object), "%s is no object", what);
	for (void *it = json_object_iter((json_t *)object); it != NULL; it = json_object_iter_next((json_t *)object, it)) {
		cr_assert_lt(i, n, "%s has a key too many: %s", what, json_object_iter_key(it));
		cr_assert_str_eq(json_object_iter_key(it), keys[i], "%s: key %zu is %s, not %s", what, i, json_object_iter_key(it), keys[i]);
		i++;
	}
	cr_assert_eq(i, n, "%s lacks %s", what, i < n ? keys[i] : "");
}

#define ASSERT_KEYS(object, ...)                                                          \
	do {                                                                              \
		static const char *const keys_[] = {__VA_ARGS__};                         \
		assert_keys((object), keys_, HD_COUNTOF(keys_), #object);                 \
	} while (0)

static const json_t *at(const json_t *value, const char *path)
{
	char copy[128];
	snprintf(copy, sizeof(copy), "%s", path);
	char *save = NULL;
	for (char *part = strtok_r(copy, ".", &save); part != NULL; part = strtok_r(NULL, ".", &save))
		value = part[0] >= '0' && part[0] <= '9' ? json_array_get(value, (size_t)atoi(part)) : json_object_get(value, part);
	cr_assert_not_null(value, "%s is missing", path);
	return value;
}

static const char *str(const json_t *value, const char *path)
{
	cr_assert(json_is_string(at(value, path)), "%s is no string", path);
	return json_string_value(at(value, path));
}

static long long num(const json_t *value, const char *path)
{
	cr_assert(json_is_integer(at(value, path)), "%s is no integer", path);
	return json_integer_value(at(value, path));
}

static void assert_shape(const json_t *root)
{
	ASSERT_KEYS(root, "schema", "hangdog", "id", "time", "host", "root", "command", "verdict", "scope", "certainty", "assumes", "cause", "summary",
		    "blocked_for_ms", "culprits", "processes", "children_lost", "advice", "action", "cost", "unseen");
	ASSERT_KEYS(at(root, "cost"), "longest_stop_us", "capture_ms");
	const json_t *process = at(root, "processes.0");
	ASSERT_KEYS(process, "pid", "ppid", "comm", "command", "status", "fork", "threads", "alarm_in_ms", "python");
	ASSERT_KEYS(at(process, "threads.0"), "tid", "name", "state", "deadlocked", "starved", "in_fork", "wait", "spin", "stack", "gil");
}

Test(report_json, has_every_key_of_the_contract_in_its_order)
{
	struct hd_snapshot *s = sample_python_lock();
	s->lost[0] = (struct hd_lost){.pid = 9, .comm = "w", .signal = 11, .status = -1};
	s->n_lost = 1;
	json_t *root = parsed(s, sample_python_lock_verdict(s), false);
	assert_shape(root);
	const json_t *process = at(root, "processes.1");
	ASSERT_KEYS(at(process, "fork"), "time", "parent_pid", "parent_tid", "parent_threads", "stack", "others");
	ASSERT_KEYS(at(process, "fork.others.0"), "tid", "name", "stack", "how", "pid");
	ASSERT_KEYS(at(process, "threads.0.wait"), "syscall", "kind", "object", "address", "timeout_ms", "repeats", "repeats_ms", "owner", "wakers");
	ASSERT_KEYS(at(process, "threads.0.wait.owner"), "tid", "pid", "exists", "inherited", "name");
	ASSERT_KEYS(at(process, "threads.0.wait.wakers"), "closed", "tids", "outside");
	ASSERT_KEYS(at(process, "threads.0.stack.0"), "kind", "function", "module", "offset", "file", "line");
	ASSERT_KEYS(at(process, "threads.0.stack.5"), "kind", "function", "file", "line");
	ASSERT_KEYS(at(root, "advice.0"), "rule", "title", "text", "cure", "source");
	ASSERT_KEYS(at(root, "children_lost.0"), "pid", "comm", "signal", "status", "waited_by", "core_dumped", "core_pattern", "oom_kills", "left");
	json_decref(root);
	hd_snapshot_free(s);
}

Test(report_json, an_ownerless_lock_has_the_holder_that_the_fork_evidence_names)
{
	struct hd_snapshot *s = sample_python_lock();
	struct hd_verdict *v = sample_python_lock_verdict(s);
	uint32_t waiter = s->procs[1].first_thread;
	v->threads[waiter].owner = (struct hd_owner){.thread = HD_NONE};
	v->threads[waiter].wakers = (struct hd_edges){&waiter, 1};
	v->threads[waiter].holder =
		(struct hd_fork_holder){.tid = s->procs[1].fork->others[0].tid, .other = 0, .confidence = HD_CONF_HIGH};
	json_t *root = parsed(s, v, false);
	const json_t *wait = at(root, "processes.1.threads.0.wait");
	cr_assert_eq(num(wait, "owner.tid"), s->procs[1].fork->others[0].tid);
	cr_assert_eq(num(wait, "owner.pid"), s->procs[1].fork->parent_pid);
	cr_assert(json_is_false(at(wait, "owner.exists")));
	cr_assert(json_is_true(at(wait, "owner.inherited")));
	cr_assert_eq(json_array_size(at(wait, "wakers.tids")), 0, "nobody wakes himself");
	json_decref(root);
	v->threads[waiter].holder.confidence = HD_CONF_LOW;
	root = parsed(s, v, false);
	cr_assert(json_is_null(at(root, "processes.1.threads.0.wait.owner")), "a guess is no owner");
	json_decref(root);
	hd_snapshot_free(s);
}

Test(report_json, tells_an_inherited_lock)
{
	struct hd_snapshot *s = sample_python_lock();
	json_t *root = parsed(s, sample_python_lock_verdict(s), false);
	cr_assert_str_eq(str(root, "schema"), "hangdog.report/1");
	cr_assert_str_eq(str(root, "hangdog"), HD_VERSION);
	cr_assert_str_eq(str(root, "time"), "2026-11-24T08:59:12.123Z");
	cr_assert_str_eq(str(root, "command.1"), "train.py");
	cr_assert_eq(num(root, "root"), 4242);
	cr_assert_str_eq(str(root, "verdict"), "deadlock");
	cr_assert_str_eq(str(root, "scope"), "process");
	cr_assert_str_eq(str(root, "certainty"), "proven");
	cr_assert_str_eq(str(root, "assumes.0"), "no-signal-from-outside");
	cr_assert_str_eq(str(root, "cause"), "inherited-lock");
	cr_assert_eq(num(root, "blocked_for_ms"), 1300);
	cr_assert_eq(num(root, "culprits.0"), 4251);
	cr_assert_eq(json_array_size(at(root, "culprits")), 1);
	cr_assert_str_eq(str(root, "processes.0.status"), "waiting-on-deadlock");
	cr_assert_str_eq(str(root, "processes.0.threads.0.wait.kind"), "child");
	cr_assert_eq(num(root, "processes.0.threads.0.wait.wakers.tids.0"), 4251);
	cr_assert(json_is_false(at(root, "processes.0.threads.1.deadlocked")));
	const json_t *worker = at(root, "processes.1");
	cr_assert_str_eq(str(worker, "status"), "deadlocked");
	cr_assert_str_eq(str(worker, "fork.time"), "2026-11-24T08:58:57.923Z");
	cr_assert_eq(num(worker, "fork.parent_threads"), 2);
	cr_assert_str_eq(str(worker, "fork.others.0.how"), "python");
	cr_assert_str_eq(str(worker, "fork.others.0.stack.1.function"), "refill");
	const json_t *wait = at(worker, "threads.0.wait");
	cr_assert_str_eq(str(wait, "kind"), "python-lock");
	cr_assert_str_eq(str(wait, "object"), "cache_lock (in train.py)");
	cr_assert_str_eq(str(wait, "address"), "0x55d0c81a2f40");
	cr_assert(json_is_null(at(wait, "timeout_ms")));
	cr_assert_eq(num(wait, "owner.tid"), 4250);
	cr_assert(json_is_false(at(wait, "owner.exists")));
	cr_assert(json_is_true(at(wait, "owner.inherited")));
	cr_assert(json_is_true(at(wait, "wakers.closed")));
	cr_assert_str_eq(str(worker, "threads.0.stack.5.kind"), "python");
	cr_assert_eq(num(worker, "threads.0.stack.5.line"), 41);
	cr_assert_eq(strncmp(str(worker, "threads.0.stack.0.offset"), "0x", 2), 0);
	cr_assert(json_is_null(at(root, "cost.longest_stop_us")));
	cr_assert_eq(num(root, "cost.capture_ms"), 12);
	json_decref(root);
	hd_snapshot_free(s);
}

Test(report_json, nothing_wrong_is_a_verdict_of_none)
{
	struct hd_snapshot *s = sample_healthy();
	json_t *root = parsed(s, sample_healthy_verdict(s), false);
	assert_shape(root);
	cr_assert_str_eq(str(root, "verdict"), "none");
	cr_assert(json_is_null(at(root, "certainty")) && json_is_null(at(root, "cause")) && json_is_null(at(root, "scope")));
	cr_assert(json_is_null(at(root, "processes.2.threads.0.wait")));
	cr_assert_eq(num(root, "processes.3.threads.0.wait.timeout_ms"), 60000);
	cr_assert(json_is_false(at(root, "processes.3.threads.0.wait.wakers.closed")));
	cr_assert_eq(json_array_size(at(root, "advice")), 0);
	json_decref(root);
	hd_snapshot_free(s);
}

Test(report_json, a_stall_is_suspected_and_says_who_could_wake_it)
{
	struct hd_snapshot *s = sample_pipes();
	json_t *root = parsed(s, sample_stall_verdict(s), false);
	cr_assert_str_eq(str(root, "verdict"), "stall");
	cr_assert_str_eq(str(root, "certainty"), "suspected");
	cr_assert_str_eq(str(root, "cause"), "unknown");
	cr_assert_str_eq(str(root, "processes.0.threads.0.wait.object"), "pipe:[5002]");
	cr_assert_eq(strncmp(str(root, "processes.0.threads.0.wait.wakers.outside"), "the other end", 13), 0);
	json_decref(root);
	hd_snapshot_free(s);
}

Test(report_json, a_dump_has_stacks_and_no_verdict)
{
	struct hd_snapshot *s = sample_lock_cycle();
	s->threads[1].stack.at[3].locals = (const char *const[]){"amount=12", NULL};
	json_t *with = parsed(s, sample_lock_cycle_verdict(s), true), *without = parsed(s, NULL, true);
	assert_shape(with);
	assert_shape(without);
	cr_assert(json_is_null(at(with, "verdict")) && json_is_null(at(with, "certainty")) && json_is_null(at(with, "cause")));
	cr_assert(json_is_null(at(without, "verdict")));
	cr_assert_eq(json_array_size(at(with, "advice")), 0);
	cr_assert_eq(json_array_size(at(without, "processes.0.threads.1.stack")), 7);
	cr_assert_str_eq(str(without, "processes.0.threads.1.stack.3.locals.0"), "amount=12");
	json_decref(with);
	json_decref(without);
	hd_snapshot_free(s);
}

Test(report_json, processes_outside_the_tree_are_left_out)
{
	struct hd_snapshot *s = sample_pipes();
	s->procs[1].in_tree = false;
	json_t *root = parsed(s, sample_pipes_verdict(s), false);
	cr_assert_eq(json_array_size(at(root, "processes")), 1);
	json_decref(root);
	hd_snapshot_free(s);
}

Test(report_json, an_action_and_its_result_are_recorded)
{
	struct hd_snapshot *s = sample_pipes();
	struct hd_report r = {.snap = s, .verdict = sample_pipes_verdict(s), .action = {.taken = "restart", .result = "as 900"}, .longest_stop_us = 42};
	struct hd_buf out HD_CLEAN_BUF = {0};
	hd_report_json(&r, &out);
	json_t *root = json_loads(hd_buf_text(&out), 0, NULL);
	cr_assert_str_eq(str(root, "action.taken"), "restart");
	cr_assert_str_eq(str(root, "action.result"), "as 900");
	cr_assert(json_is_null(at(root, "id")));
	cr_assert_eq(num(root, "cost.longest_stop_us"), 42);
	json_decref(root);
	hd_snapshot_free(s);
}

Test(report_json, broken_text_stays_valid_json)
{
	struct hd_snapshot *s = sample_python_lock();
	s->host = "\xff\xfe";
	s->procs[0].comm = "a\"b\\c\n\x01";
	s->threads[0].state = '\0';
	s->threads[2].lock.name = "\xed\xa0\x80";
	json_t *root = parsed(s, sample_python_lock_verdict(s), false);
	cr_assert_str_eq(str(root, "host"), "??");
	cr_assert_str_eq(str(root, "processes.0.comm"), "a\"b\\c\n\x01");
	json_decref(root);
	hd_snapshot_free(s);
}

Test(report_json, equal_reports_give_equal_bytes)
{
	struct hd_snapshot *a = sample_python_lock(), *b = sample_python_lock();
	char *x = text_of(a, sample_python_lock_verdict(a), false), *y = text_of(b, sample_python_lock_verdict(b), false);
	cr_assert_str_eq(x, y);
	free(x);
	free(y);
	hd_snapshot_free(a);
	hd_snapshot_free(b);
}
