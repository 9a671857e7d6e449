/* How dangerous a fork was, from the evidence that was noted.  covers: report_audit.c section.c */
#include <criterion/criterion.h>
#include <jansson.h>

#include "../lib/sample.h"
#include "core/section.h"
#include "hangdog/audit.h"

TestSuite(audit, .timeout = 10);

#define LIBC "/lib/libc.so.6"

static struct hd_fork *forked(struct hd_snapshot *s, const char *const *stacks, uint32_t n)
{
	sample_proc(s, 200 + (int32_t)s->n_procs, 100, "worker", "worker", NULL);
	struct hd_fork *fork = sample_fork(s, 100, 100, n);
	fork->stack = sample_stack(s, "fork@" LIBC "\nstart_worker@/bin/prog\nmain@/bin/prog");
	for (uint32_t i = 0; i < n; i++) {
		fork->others[i].stack = sample_stack(s, stacks[i]);
		fork->others[i].nr = SAMPLE_NR_FUTEX;
		fork->others[i].name = "pool";
	}
	return fork;
}

static enum hd_risk risk(const struct hd_fork *fork, bool has_exec)
{
	struct hd_audit_fork f = {.pid = 200, .fork = fork, .parent_threads = 2, .has_exec = has_exec};
	return hd_audit_risk(&f);
}

#define IDLE "futex_wait@" LIBC "\nidle@/bin/prog"

Test(audit, the_worst_thread_decides_unless_the_copy_became_another_program)
{
	struct hd_snapshot *s = sample_new();
	const char *idle[] = {IDLE, IDLE};
	struct hd_fork *fork = forked(s, idle, 2);
	cr_expect_eq(risk(fork, false), HD_RISK_IDLE);
	fork->others[1].nr = -1;
	cr_expect_eq(risk(fork, false), HD_RISK_UNKNOWN, "it ran");
	const char *pool[] = {IDLE, "futex_wait@" LIBC "\nwork@/x/xla_extension.so"};
	fork = forked(s, pool, 2);
	cr_expect_eq(risk(fork, false), HD_RISK_LIBRARY);
	const char *held[] = {"read@" LIBC "\nlocaltime_r@" LIBC "\nstamp@/bin/prog", "futex_wait@" LIBC "\nwork@/x/xla_extension.so"};
	fork = forked(s, held, 2);
	cr_expect_eq(risk(fork, false), HD_RISK_HELD);
	cr_expect_eq(risk(fork, true), HD_RISK_EXEC);
	cr_expect_eq(risk(NULL, false), HD_RISK_UNKNOWN, "no evidence was taken");
	fork = forked(s, idle, 1);
	fork->others[0].holds = "cache_lock (in train.py)";
	cr_expect_eq(risk(fork, false), HD_RISK_HELD, "Python's own notes");
	hd_snapshot_free(s);
}

static char *text_of(const struct hd_audit *audit)
{
	static const struct hd_text_style style = {.width = 120};
	struct hd_buf out = {0};
	hd_audit_text(audit, &style, &out);
	return out.text;
}

static void assert_has(const char *text, const char *part)
{
	cr_expect(strstr(text, part) != NULL, "'%s' is not in:\n%s", part, text);
}

Test(audit, the_text_answers_first_and_tells_equal_forks_once)
{
	struct hd_snapshot *s = sample_new();
	const char *held[] = {"read@" LIBC "\nlocaltime_r@" LIBC "\nstamp@/bin/prog"}, *idle[] = {IDLE};
	struct hd_audit_fork forks[] = {{201, forked(s, idle, 1), 2, true}, {202, forked(s, held, 1), 2, false}, {203, forked(s, held, 1), 2, false}};
	struct hd_audit audit = {.forks = forks, .n = 3, .total = 5, .all_forks = 9};
	char *text = text_of(&audit);
	cr_expect_eq(strncmp(text, "AUDIT: 5 of 9 forks were made while other threads existed\n  The danger was real", 70), 0, "%s", text);
	assert_has(text, "process 202 and others from the same place, RISKY");
	assert_has(text, "2 times in all");
	assert_has(text, "was inside localtime_r, which works under the time zone lock of the C library");
	assert_has(text, "process 201, harmless: became another program");
	assert_has(text, "The first 3 of them were looked at.");
	cr_expect(strstr(text, "process 203") == NULL);
	cr_expect(strstr(text, "process 202") < strstr(text, "process 201"), "worst first");
	free(text);
	hd_snapshot_free(s);
}

Test(audit, threads_of_a_pool_are_told_once, .timeout = 10)
{
	struct hd_snapshot *s = sample_new();
	const char *same[] = {IDLE, IDLE, IDLE, "read@" LIBC "\nserve@/bin/prog"};
	struct hd_audit_fork one = {201, forked(s, same, 4), 5, false};
	struct hd_audit audit = {.forks = &one, .n = 1, .total = 1, .all_forks = 1};
	char *text = text_of(&audit);
	assert_has(text, " and 2 like it");
	cr_expect(strstr(text, "serve") != NULL && strstr(text, "more threads") == NULL, "%s", text);
	free(text);
	hd_snapshot_free(s);
}

Test(audit, a_run_without_such_forks_or_with_exec_only_is_cleared)
{
	struct hd_audit none = {.all_forks = 4};
	char *text = text_of(&none);
	assert_has(text, "0 of 4 forks");
	assert_has(text, "do not concern it");
	free(text);
	struct hd_audit_fork only = {.pid = 7, .parent_threads = 3, .has_exec = true};
	struct hd_audit exec = {.forks = &only, .n = 1, .total = 1, .all_forks = 1};
	text = text_of(&exec);
	assert_has(text, "1 of 1 fork was made");
	assert_has(text, "No danger");
	free(text);
}

Test(audit, the_json_has_the_risk_and_the_lock_of_each_thread)
{
	struct hd_snapshot *s = sample_new();
	const char *held[] = {"read@" LIBC "\nlocaltime_r@" LIBC "\nstamp@/bin/prog"};
	struct hd_audit_fork f = {202, forked(s, held, 1), 2, false};
	struct hd_audit audit = {.forks = &f, .n = 1, .total = 1, .all_forks = 1};
	struct hd_buf out HD_CLEAN_BUF = {0};
	hd_audit_json(&audit, &out);
	json_t *root = json_loads(hd_buf_text(&out), 0, NULL);
	cr_assert_not_null(root);
	cr_expect_str_eq(json_string_value(json_object_get(root, "worst")), "held");
	json_t *fork = json_array_get(json_object_get(root, "forks"), 0);
	json_t *thread = json_array_get(json_object_get(fork, "threads"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(thread, "function")), "localtime_r");
	cr_expect_eq(json_array_size(json_object_get(json_object_get(fork, "fork"), "others")), 1);
	json_decref(root);
	hd_snapshot_free(s);
}

Test(audit, many_forks_are_told_quickly, .timeout = 5)
{
	enum { MANY = 4096 };
	struct hd_snapshot *s = sample_new();
	const char *idle[] = {IDLE};
	static struct hd_audit_fork forks[MANY];
	struct hd_fork *fork = forked(s, idle, 1);
	for (int i = 0; i < MANY; i++)
		forks[i] = (struct hd_audit_fork){.pid = i + 1, .fork = fork, .parent_threads = 2};
	struct hd_audit audit = {.forks = forks, .n = MANY, .total = MANY, .all_forks = MANY};
	char *text = text_of(&audit);
	assert_has(text, "4096 times in all");
	free(text);
	hd_snapshot_free(s);
}

Test(section, functions_under_one_lock_are_known_as_such)
{
	cr_expect(hd_section_same("localtime", "mktime"));
	cr_expect(hd_section_same("own_lock", "own_lock"));
	cr_expect_not(hd_section_same("localtime", "setenv"));
	cr_expect_not(hd_section_same("own_lock", "mktime"));
	cr_expect_not(hd_section_same(NULL, "mktime"));
}
