/* Performing a heal on a real waiter: what is checked before a word is written, and what is taken back. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "hangdog/heal.h"
#include "hangdog/procfs.h"
#include "hangdog/tracer.h"
#include "os/procfile.h"

/* Private memory, at the same address in the child. */
static atomic_uint word = 2;
static uint32_t beside = 7;
static struct hd_tracer *tracer;
static int32_t ended_status;

static void on_event(void *ctx, const struct hd_event *event)
{
	(void)ctx;
	if (event->kind == HD_EV_EXIT)
		ended_status = event->status;
}

static void pump(void *ctx)
{
	(void)ctx;
	cr_assert_geq(hd_tracer_drain(tracer), 0);
}

static void wait_for_word(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	while (atomic_load(&word) == 2)
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
	_exit(5);
}

/* A traced child that waits, and the plan to free it. */
static struct hd_heal begin(void)
{
	struct hd_err err = {0};
	struct hd_syscall call = {0};
	char text[256];
	pid_t pid = fork();
	if (pid == 0)
		wait_for_word();
	do {
		nanosleep(&(struct timespec){0, 1000000}, NULL);
		cr_assert_gt(hd_procfile_read(text, sizeof(text), "/proc/%d/syscall", pid), 0);
		cr_assert_eq(hd_syscall_parse(text, &call), 0);
	} while (call.form != HD_SYSCALL_NUMERIC || call.nr != SYS_futex);
	tracer = hd_tracer_new(on_event, NULL);
	cr_assert_eq(hd_tracer_attach(tracer, pid, &err), 0, "%s", err.text);
	struct hd_heal heal = {.pid = pid, .tid = pid, .nr = SYS_futex, .word = (uintptr_t)&word, .sp = call.sp, .n_writes = 1,
			       .writes = {{.addr = (uintptr_t)&word, .len = 4, .expected = 2, .value = 0}}};
	cr_assert_eq(hd_procfs_start(pid, pid, &heal.start), 0);
	return heal;
}

static void end(const struct hd_heal *heal)
{
	kill(heal->pid, SIGKILL);
	while (hd_tracer_has_tracees(tracer))
		pump(NULL);
	hd_tracer_free(tracer);
}

static uint32_t word_of(const struct hd_heal *heal, const void *at)
{
	struct hd_mem_live live;
	uint32_t value = 0;
	cr_assert_eq(hd_mem_live_open(&live, heal->pid), 0);
	cr_assert_eq(hd_mem_u32(&live.mem, (uintptr_t)at, &value), 0);
	hd_mem_live_close(&live);
	return value;
}

static int perform(const struct hd_heal *heal)
{
	int64_t us;
	struct hd_err err = {0};
	int r = hd_heal_perform(tracer, heal, pump, NULL, &us, &err);
	cr_assert(r == 0 || err.text[0] != '\0');
	return r;
}

Test(heal, a_waiter_goes_on_and_ends, .timeout = 20)
{
	struct hd_heal heal = begin();
	cr_assert_eq(perform(&heal), 0);
	while (hd_tracer_has_tracees(tracer))
		pump(NULL);
	cr_assert(WIFEXITED(ended_status) && WEXITSTATUS(ended_status) == 5);
	hd_tracer_free(tracer);
}

Test(heal, what_does_not_help_is_taken_back, .timeout = 20)
{
	struct hd_heal heal = begin();
	heal.writes[0] = (struct hd_heal_write){.addr = (uintptr_t)&beside, .len = 4, .expected = 7, .value = 8};
	cr_assert_eq(perform(&heal), -ETIMEDOUT);
	cr_expect_eq(word_of(&heal, &beside), 7);
	cr_expect_eq(word_of(&heal, &word), 2);
	end(&heal);
}

Test(heal, nothing_is_written_where_a_word_is_not_as_planned, .timeout = 20)
{
	struct hd_heal heal = begin();
	heal.n_writes = 2;
	heal.writes[1] = (struct hd_heal_write){.addr = (uintptr_t)&beside, .len = 4, .expected = 6, .value = 8};
	cr_assert_eq(perform(&heal), -ECANCELED);
	cr_expect_eq(word_of(&heal, &word), 2);
	cr_expect_eq(word_of(&heal, &beside), 7);
	end(&heal);
}

Test(heal, a_thread_that_is_elsewhere_or_another_one_is_left_alone, .timeout = 20)
{
	struct hd_heal heal = begin(), other = heal;
	other.sp += 16;
	cr_expect_eq(perform(&other), -ECANCELED);
	other = heal;
	other.word += 4;
	cr_expect_eq(perform(&other), -ECANCELED);
	other = heal;
	other.start++;
	cr_expect_eq(perform(&other), -ECANCELED);
	cr_expect_eq(word_of(&heal, &word), 2);
	end(&heal);
}


Test(heal, a_waiter_that_is_gone_is_an_error, .timeout = 20)
{
	struct hd_heal heal = begin();
	kill(heal.pid, SIGKILL);
	while (hd_tracer_has_tracees(tracer))
		pump(NULL);
	cr_assert_lt(perform(&heal), 0);
	hd_tracer_free(tracer);
}
