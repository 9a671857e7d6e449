/* The text report as a user reads it.  covers: report_page.c report_stack.c report_words.c report_full.c */
#include <criterion/criterion.h>

#include "../lib/sample_verdicts.h"
#include "hangdog/report.h"

TestSuite(report_text, .timeout = 20);

static const struct hd_text_style plain = {.width = 80};

/* Lives as long as the snapshot. */
static const char *text_of(const struct hd_snapshot *s, const struct hd_verdict *v, const struct hd_text_style *style)
{
	struct hd_advice advice[HD_ADVICE_MAX];
	struct hd_report r = {.id = "20261124T085912.123Z-4242-1", .snap = s, .verdict = v, .advice = advice, .longest_stop_us = -1};
	HD_CLEAN_BUF struct hd_buf out = {0};
	r.n_advice = v != NULL ? hd_advise(s, v, advice) : 0;
	r.is_dump = v == NULL;
	hd_report_text(&r, style, &out);
	return hd_arena_strn(s->arena, hd_buf_text(&out), out.len);
}

static void assert_has(const char *text, const char *part)
{
	cr_expect(strstr(text, part) != NULL, "'%s' is not in:\n%s", part, text);
}

/* Wherever its lines are broken. */
static void assert_says(const char *text, const char *part)
{
	struct hd_buf flat HD_CLEAN_BUF = {0};
	for (const char *p = text; *p != '\0'; p++) {
		bool is_blank = *p == ' ' || *p == '\n';
		if (!is_blank)
			hd_buf_char(&flat, *p);
		else if (flat.len != 0 && flat.text[flat.len - 1] != ' ')
			hd_buf_char(&flat, ' ');
	}
	assert_has(hd_buf_text(&flat), part);
}

/* Each part comes after the one before it. */
static void assert_in_order(const char *text, const char *const *parts, size_t n)
{
	const char *p = text;
	for (size_t i = 0; i < n; i++) {
		const char *found = strstr(p, parts[i]);
		cr_assert(found != NULL, "'%s' does not come after '%s' in:\n%s", parts[i], i != 0 ? parts[i - 1] : "", text);
		p = found;
	}
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;
	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* No line is wider than `width` columns, ends with a blank, or holds a control character. */
static void assert_tidy(const char *text, unsigned width)
{
	unsigned column = 0;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\n') {
			cr_expect(column <= width, "a line of %u columns", column);
			cr_expect(p == text || p[-1] != ' ', "a line ends with a blank");
			column = 0;
		} else {
			cr_expect((unsigned char)*p >= ' ' && *p != 0x7f, "control character %d", *p);
			column += ((unsigned char)*p & 0xc0) != 0x80;
		}
	}
}

Test(report_text, an_inherited_python_lock_is_answered_from_the_top)
{
	static const char *const parts[] = {
		"DEADLOCK (proven): python3 train.py --workers 2\n",
		"pid 4242 on gpu7, 2026-11-24T08:59:12.123Z",
		"Process 4251 waits for cache_lock",
		"Why: a fork copies all memory",
		"What hangs",
		"4251 (python3), its only thread, for 1.3 s",
		"waits for cache_lock (in train.py), a Python lock, held by thread 4250",
		"load_item          ann/train.py:41",
		"Who held the lock when the process was forked",
		"4251 was forked by 4242 at 2026-11-24T08:58:57.923Z, 14.2 s before this",
		"Thread 4250 \"refill\" of 4242 held the lock, and stood here:",
		"refill      ann/train.py:22",
		"The fork was made here:",
		"main               ann/train.py:69",
		"Who waits for that, and so hangs too",
		"4242 (python3) waits for child 4251 (python3) to end",
		"What to do",
		"set_start_method(\"spawn\")",
		"hangdog run --cure mp-start=spawn",
		"https://github.com/",
		"How sure is this",
		"It assumes that nobody outside sends the program a signal.",
	};
	struct hd_snapshot *s = sample_python_lock();
	const char *text = text_of(s, sample_python_lock_verdict(s), &plain);
	assert_in_order(text, parts, HD_COUNTOF(parts));
	cr_expect(strstr(text, "futex") == NULL, "no jargon:\n%s", text);
	hd_snapshot_free(s);
}

Test(report_text, one_stuck_worker_takes_less_than_sixty_lines_of_eighty_columns)
{
	struct hd_snapshot *samples[] = {sample_python_lock(), sample_openmp(), sample_lock_cycle(), sample_pipes(), sample_healthy(), sample_pipes()};
	struct hd_verdict *verdicts[] = {sample_python_lock_verdict(samples[0]), sample_openmp_verdict(samples[1]), sample_lock_cycle_verdict(samples[2]),
					 sample_pipes_verdict(samples[3]), sample_healthy_verdict(samples[4]), sample_stall_verdict(samples[5])};
	for (size_t i = 0; i < HD_COUNTOF(samples); i++) {
		const char *text = text_of(samples[i], verdicts[i], &plain);
		cr_expect(lines_of(text) < 60, "%u lines:\n%s", lines_of(text), text);
		assert_tidy(text, 80);
		hd_snapshot_free(samples[i]);
	}
}

Test(report_text, equal_reports_give_equal_bytes)
{
	struct hd_snapshot *a = sample_python_lock(), *b = sample_python_lock();
	const char *x = text_of(a, sample_python_lock_verdict(a), &plain), *y = text_of(b, sample_python_lock_verdict(b), &plain);
	cr_assert_str_eq(x, y);
	hd_snapshot_free(a);
	hd_snapshot_free(b);
}

Test(report_text, the_threads_that_a_fork_left_behind_are_told_once_a_place)
{
	struct hd_snapshot *s = sample_openmp();
	const char *text = text_of(s, sample_openmp_verdict(s), &plain);
	assert_says(text, "Helper threads (of a thread pool, an event loop, OpenMP) exist in the parent only");
	assert_has(text, "The parent had 4 threads then; the copy got one.");
	assert_has(text, "3 threads of 900 were not copied (901, 902, 903). They stood here:");
	assert_has(text, "at::TensorIteratorBase::for_each()  in libtorch_cpu.so");
	assert_has(text, "hangdog run --cure omp-threads=1");
	hd_snapshot_free(s);
}

Test(report_text, a_lock_cycle_shows_both_sides)
{
	static const char *const parts[] = {
		"thread 701 \"payer\" of 700 (bank)", "waits for accounts_b (in bank), a mutex, held by thread 702 \"payee\" of 700",
		"pthread_mutex_lock  in libc.so.6", "transfer()          in bank", "thread 702 \"payee\" of 700 (bank)",
		"waits for accounts_a (in bank), a mutex, held by thread 701 \"payer\" of 700", "700 (bank) waits for the end of a thread",
	};
	struct hd_snapshot *s = sample_lock_cycle();
	const char *text = text_of(s, sample_lock_cycle_verdict(s), &plain);
	assert_in_order(text, parts, HD_COUNTOF(parts));
	cr_expect(strstr(text, "start_thread") == NULL && strstr(text, "futex_wait") == NULL, "plumbing is left out:\n%s", text);
	hd_snapshot_free(s);
}

Test(report_text, thirty_workers_that_hang_alike_are_one_story)
{
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 1000, 1, "server", "./server", NULL);
	sample_wait_child(sample_thread(s, 1000, "server", 'S'), -1);
	for (int32_t i = 1; i <= 30; i++) {
		sample_proc(s, 1000 + i, 1000, "server", "./server", NULL);
		struct hd_thread *t = sample_thread(s, 1000 + i, "server", 'S');
		sample_futex(s, t, 0x5000, HD_LOCK_MUTEX)->name = "table (in server)";
		t->stack = sample_stack(s, "pthread_mutex_lock@" LIBC "\nlookup@/srv/server\nmain@/srv/server");
	}
	struct hd_verdict *v = sample_verdict(s, HD_CAUSE_INHERITED_LOCK, HD_CERT_PROVEN, 1);
	for (uint32_t t = 1; t <= 30; t++) {
		sample_waits(v, t, HD_WAIT_FUTEX, "futex", HD_CERT_PROVEN);
		sample_culprit(s, v, t);
	}
	const char *text = text_of(s, v, &plain);
	assert_says(text, "29 more hang at the same place: 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009 and 21 more");
	assert_says(text, "Not recorded: the fork happened before hangdog looked.");
	cr_expect(lines_of(text) < 60, "%s", text);
	hd_snapshot_free(s);
}

Test(report_text, a_partial_deadlock_says_so)
{
	struct hd_snapshot *s = sample_lock_cycle();
	struct hd_verdict *v = sample_lock_cycle_verdict(s);
	v->scope = HD_SCOPE_PARTIAL;
	v->certainty = HD_CERT_OWNED;
	const char *text = text_of(s, v, &plain);
	assert_has(text, "DEADLOCK of some threads (owned): ./bank");
	assert_says(text, "Almost certain: this is so if a lock is released only by the thread that took");
	hd_snapshot_free(s);
}

Test(report_text, a_healthy_tree_gets_one_line_a_process)
{
	struct hd_snapshot *s = sample_healthy();
	const char *text = text_of(s, sample_healthy_verdict(s), &plain);
	assert_has(text, "Nothing is wrong: bash -c 'make -j2'\n");
	assert_has(text, "  600 (bash) waits for one of its children to end: 601 (make)\n");
	assert_has(text, "  602 (cc1) runs\n");
	assert_has(text, "  603 (sleep) sleeps (for 1 min 0 s at most)\n");
	cr_expect(strstr(text, "What to do") == NULL && strstr(text, "How sure") == NULL);
	hd_snapshot_free(s);
}

Test(report_text, where_sight_is_missing_nothing_is_not_called_right)
{
	struct hd_snapshot *s = sample_healthy();
	struct hd_verdict *v = sample_healthy_verdict(s);
	v->unseen = "process 1 (init) cannot be looked into and may hold it";
	const char *text = text_of(s, v, &plain);
	assert_has(text, "No proof, but it looks like a deadlock: bash -c 'make -j2'\n");
	assert_has(text, "process 1 (init)");
	cr_expect(strstr(text, "Nothing is wrong") == NULL);
	hd_snapshot_free(s);
}

Test(report_text, a_stall_is_no_proof_and_says_what_could_end_it)
{
	struct hd_snapshot *s = sample_pipes();
	const char *text = text_of(s, sample_stall_verdict(s), &plain);
	assert_has(text, "STALLED (suspected, no proof): ./ask\n");
	assert_has(text, "which 801 (ask) could write");
	assert_says(text, "(the other end may be open in a process that hangdog may not look into)");
	assert_has(text, "ask_child  in ask");
	cr_expect(strstr(text, "DEADLOCK") == NULL && strstr(text, "which only") == NULL, "%s", text);
	hd_snapshot_free(s);
}

Test(report_text, a_child_that_crashed_is_named)
{
	struct hd_snapshot *s = sample_healthy();
	s->lost[0] = (struct hd_lost){.pid = 650, .comm = "worker", .signal = 9, .status = -1, .ppid = 600};
	s->lost[1] = (struct hd_lost){.pid = 651, .comm = "worker", .status = 3, .ppid = 600};
	s->lost[2] = (struct hd_lost){.pid = 652, .comm = "grep", .status = 1, .ppid = 600};
	s->n_lost = 3;
	struct hd_verdict *v = sample_healthy_verdict(s);
	v->lost_waiters[0] = v->lost_waiters[1] = 600;
	const char *text = text_of(s, v, &plain);
	assert_has(text, "Children that ended badly");
	assert_has(text, "650 (worker) was killed by signal 9 (SIGKILL); thread 600 still waits for it.");
	assert_has(text, "651 (worker) ended with status 3; thread 600 still waits for it.");
	cr_expect(strstr(text, "grep") == NULL, "an error that nobody waits for is no news:\n%s", text);
	assert_says(text, "Look for the crash of the child first.");
	hd_snapshot_free(s);
}

Test(report_text, what_was_done_is_told)
{
	struct hd_snapshot *s = sample_pipes();
	struct hd_report r = {.snap = s, .verdict = sample_pipes_verdict(s), .action = {.taken = "kill", .result = "2 processes ended"}};
	struct hd_buf out HD_CLEAN_BUF = {0};
	hd_report_text(&r, &plain, &out);
	assert_has(hd_buf_text(&out), "hangdog ended the program: 2 processes ended.");
	hd_snapshot_free(s);
}

Test(report_text, verbose_adds_every_stack_below_a_rule)
{
	struct hd_text_style style = plain;
	struct hd_snapshot *s = sample_python_lock();
	const char *brief = text_of(s, sample_python_lock_verdict(s), &plain);
	style.verbose = true;
	const char *text = text_of(s, sample_python_lock_verdict(s), &style);
	cr_assert(strncmp(text, brief, strlen(brief)) == 0, "the answer comes first, unchanged");
	assert_has(text, "-- all stacks ----");
	assert_has(text, "thread 4250 \"refill\", state S: sleeps");
	assert_has(text, "PyThread_acquire_lock_timed");
	assert_has(text, "thread 4250 \"refill\" of 4242 was not copied, and stood here:");
	assert_tidy(text, 80);
	hd_snapshot_free(s);
}

Test(report_text, a_dump_is_nothing_but_stacks)
{
	struct hd_snapshot *s = sample_lock_cycle();
	s->threads[1].stack.at[3].locals = (const char *const[]){"amount=12", "note='a\nb'", NULL};
	const char *text = text_of(s, NULL, &plain);
	assert_has(text, "          amount=12\n          note='a?b'\n");
	assert_has(text, "./bank: 1 process, 3 threads, 2026-11-24T08:59:12.123Z\n");
	assert_has(text, "thread 701 \"payer\", state S\n");
	assert_has(text, "#0  futex_wait");
	cr_expect(strstr(text, "DEADLOCK") == NULL && strstr(text, "What to do") == NULL);
	hd_snapshot_free(s);
}

Test(report_text, native_frames_of_a_dump_are_told_in_short_unless_details_are_wanted)
{
	static const char *const name = "c10::(anonymous namespace)::kernel<c10::CompileTimeFunctionPointer<at::Tensor (at::Tensor const&, "
					"at::Tensor const&)>, at::Tensor>::call(c10::OperatorKernel*, c10::DispatchKeySet)";
	struct hd_text_style style = plain;
	struct hd_snapshot *s = sample_lock_cycle();
	struct hd_frame *frame = &s->threads[1].stack.at[1];
	*frame = (struct hd_frame){.function = name, .module = "/opt/venv/lib/libtorch_cpu.so", .offset = 0x10};
	const char *text = text_of(s, NULL, &plain);
	assert_says(text, "#1 c10::(anonymous namespace)::kernel<>::call() libtorch_cpu.so+0x10");
	style.verbose = true;
	text = text_of(s, NULL, &style);
	assert_says(text, name);
	assert_says(text, "/opt/venv/lib/libtorch_cpu.so+0x10");
	hd_snapshot_free(s);
}

Test(report_text, colour_comes_only_when_asked_for)
{
	struct hd_text_style style = plain;
	struct hd_snapshot *s = sample_pipes();
	const char *text = text_of(s, sample_pipes_verdict(s), &plain);
	cr_assert(strchr(text, '\x1b') == NULL);
	style.color = true;
	text = text_of(s, sample_pipes_verdict(s), &style);
	assert_has(text, "\x1b[1;31mDEADLOCK (proven): ./ask\x1b[0m\n");
	hd_snapshot_free(s);
}

Test(report_text, hostile_names_cannot_act_on_the_terminal)
{
	static char huge[5000];
	memset(huge, 'x', sizeof(huge) - 1);
	struct hd_snapshot *s = sample_python_lock();
	s->command = (const char *const[]){"a\x1b[2J", "\xff\xfe", huge, NULL};
	s->host = "h\nost";
	s->procs[1].comm = "\x1b]0;evil\x07";
	s->procs[1].argv = s->command;
	s->threads[2].lock.name = huge;
	s->threads[2].stack.at[5].function = "f\r\n\xc2\x9b";
	s->threads[2].stack.at[5].file = huge;
	s->procs[1].fork->others[0].name = "\b\b\b";
	struct hd_text_style style = {.verbose = true, .width = 80};
	const char *text = text_of(s, sample_python_lock_verdict(s), &style);
	assert_tidy(text, 80);
	hd_snapshot_free(s);
}

Test(report_text, any_width_works)
{
	static const unsigned widths[] = {0, 1, 40, 57, 200, 100000};
	struct hd_snapshot *s = sample_python_lock();
	for (size_t i = 0; i < HD_COUNTOF(widths); i++) {
		struct hd_text_style style = {.width = widths[i], .verbose = true};
		const char *text = text_of(s, sample_python_lock_verdict(s), &style);
		assert_tidy(text, widths[i] < 40 ? 40 : widths[i] > 200 ? 200 : widths[i]);
	}
	hd_snapshot_free(s);
}

Test(report_text, missing_facts_are_survived)
{
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 5, 1, NULL, NULL);
	struct hd_thread *t = sample_thread(s, 5, NULL, 'S');
	sample_futex(s, t, 0, HD_LOCK_UNKNOWN);
	t->blocked_ns = 0;
	s->host = NULL;
	s->time_ns = 0;
	struct hd_verdict *v = sample_verdict(s, HD_CAUSE_NO_WAKER, HD_CERT_PROVEN, 0);
	sample_waits(v, 0, HD_WAIT_FUTEX, NULL, HD_CERT_PROVEN);
	sample_culprit(s, v, 0);
	const char *text = text_of(s, v, &plain);
	assert_has(text, "(its stack could not be read)");
	assert_tidy(text, 80);
	hd_snapshot_free(s);
}

Test(report_text, a_lock_that_the_forking_thread_held_itself_is_told_as_that)
{
	struct hd_snapshot *s = sample_python_lock();
	struct hd_verdict *v = sample_python_lock_verdict(s);
	v->threads[2].owner = (struct hd_owner){.state = HD_OWNER_FORKER, .confidence = HD_CONF_HIGH, .thread = HD_NONE, .tid = 4242, .fork_other = HD_NONE};
	v->threads[2].holder = (struct hd_fork_holder){.other = HD_NONE};
	const char *text = text_of(s, v, &plain);
	assert_says(text, "Why: the thread that called fork held this lock itself.");
	assert_says(text, "The thread that forked held the lock itself.");
	cr_expect(strstr(text, "One of the parent's threads") == NULL);
	hd_snapshot_free(s);
}

/* A pool of ten thousand threads: neither a long report nor a slow one. */
Test(report_text, many_threads_are_grouped_quickly, .timeout = 5)
{
	enum { MANY = 10000 };
	struct hd_snapshot *s = sample_new();
	s->threads = HD_NEW_N(s->arena, MANY + 2, struct hd_thread);
	sample_proc(s, 100, 1, "server", "./server", NULL);
	struct hd_stack stack = sample_stack(s, "pthread_cond_wait@" LIBC "\nidle@/srv/server");
	for (int32_t i = 0; i < MANY; i++) {
		s->threads[i] = (struct hd_thread){.tid = 100 + i, .proc = 0, .name = "server", .state = 'S', .stack = stack};
		s->threads[i].lock.kind = HD_LOCK_CONDITION;
	}
	s->n_threads = s->procs[0].n_threads = MANY;
	struct hd_verdict *v = sample_verdict(s, HD_CAUSE_NO_WAKER, HD_CERT_PROVEN, 0);
	for (uint32_t i = 0; i < MANY; i++)
		sample_waits(v, i, HD_WAIT_FUTEX, "futex", HD_CERT_PROVEN);
	sample_culprit(s, v, 0);
	const char *text = text_of(s, v, &plain);
	assert_says(text, "(and so do 9998 more of its threads)");
	cr_expect(lines_of(text) < 60, "%s", text);
	hd_snapshot_free(s);
}

Test(report_text, an_action_that_did_not_work_is_not_told_as_done, .timeout = 10)
{
	struct hd_snapshot *s = sample_pipes();
	struct hd_report r = {.snap = s, .verdict = sample_pipes_verdict(s),
			      .action = {.taken = "heal", .result = "heal (it is no lock)", .has_failed = true}};
	struct hd_text_style style = {.width = 80};
	HD_CLEAN_BUF struct hd_buf out = {0};
	hd_report_text(&r, &style, &out);
	cr_assert_not_null(strstr(hd_buf_text(&out), "nothing that worked: heal (it is no lock)"));
	cr_assert_null(strstr(hd_buf_text(&out), "freed"));
	hd_snapshot_free(s);
}
