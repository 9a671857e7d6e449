/* Ending a tree: every process of it, and nobody else.  covers: act.c */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "hangdog/act.h"
#include "hangdog/procfs.h"

static struct hd_model *model;

static pid_t sleeper(void (*prepare)(void))
{
	int ready[2];
	char byte;
	cr_assert_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(60);
		if (prepare != NULL)
			prepare();
		(void)!write(ready[1], "r", 1);
		for (;;)
			pause();
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static uint64_t start_of(pid_t pid)
{
	uint64_t start = 0;
	cr_assert_eq(hd_procfs_start(pid, pid, &start), 0);
	return start;
}

/* Reaps, as the tracer would. */
static void pump(void *ctx)
{
	int status;
	pid_t pid;
	(void)ctx;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct hd_event ev = {.kind = HD_EV_EXIT, .tid = pid, .pid = pid, .status = status};
		hd_model_apply(model, &ev);
	}
}

static bool lives(pid_t pid)
{
	nanosleep(&(struct timespec){0, 20000000}, NULL);
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void put_away(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void ignore_term(void)
{
	signal(SIGTERM, SIG_IGN);
}


Test(act, all_are_ended_and_counted, .timeout = 30)
{
	model = hd_model_new();
	pid_t pids[] = {sleeper(NULL), sleeper(ignore_term), sleeper(NULL)};
	kill(pids[2], SIGSTOP);
	for (size_t i = 0; i < HD_COUNTOF(pids); i++)
		hd_model_add(model, pids[i], getpid(), start_of(pids[i]), 0);
	struct hd_kill how = {.term_timeout_ms = 200};
	uint32_t ended = 0;
	cr_assert_eq(hd_kill_tree(model, &how, pump, NULL, &ended, NULL), 0);
	cr_assert_eq(ended, 3);
	for (size_t i = 0; i < HD_COUNTOF(pids); i++)
		cr_assert_eq(kill(pids[i], 0), -1);
	hd_model_free(model);
}

Test(act, a_number_that_another_process_has_now_is_not_touched, .timeout = 30)
{
	model = hd_model_new();
	pid_t innocent = sleeper(NULL);
	hd_model_add(model, innocent, getpid(), start_of(innocent) - 1, 0);
	cr_assert_eq(hd_stop_tree(model, NULL), 0, "somebody gone is no error");
	cr_assert(lives(innocent));
	hd_model_free(model);
	put_away(innocent);
}

static int n_pumped;

/* The process under the old number is found to be gone after a while. */
static void pump_once(void *ctx)
{
	if (++n_pumped == 5) {
		struct hd_event ev = {.kind = HD_EV_EXIT, .tid = *(pid_t *)ctx, .pid = *(pid_t *)ctx};
		hd_model_apply(model, &ev);
	}
}

Test(act, neither_sigterm_nor_sigkill_goes_to_a_number_used_again, .timeout = 30)
{
	model = hd_model_new();
	pid_t innocent = sleeper(NULL);
	hd_model_add(model, innocent, getpid(), start_of(innocent) - 1, 0);
	struct hd_kill how = {.term_timeout_ms = 0};
	uint32_t ended;
	n_pumped = 0;
	cr_assert_eq(hd_kill_tree(model, &how, pump_once, &innocent, &ended, NULL), 0);
	cr_assert(lives(innocent));
	hd_model_free(model);
	put_away(innocent);
}

Test(act, neither_pid_1_nor_ourselves_is_ever_signalled, .timeout = 30)
{
	struct hd_err err = {0};
	const int32_t pids[] = {getpid(), 1, 0, -1};
	for (size_t i = 0; i < HD_COUNTOF(pids); i++) {
		model = hd_model_new();
		hd_model_add(model, pids[i], 0, 0, 0);
		cr_assert_eq(hd_stop_tree(model, &err), -EPERM);
		hd_model_free(model);
	}
}

Test(act, stop_leaves_everybody_stopped, .timeout = 30)
{
	model = hd_model_new();
	pid_t pids[] = {sleeper(NULL), sleeper(ignore_term)};
	for (size_t i = 0; i < HD_COUNTOF(pids); i++)
		hd_model_add(model, pids[i], getpid(), start_of(pids[i]), 0);
	cr_assert_eq(hd_stop_tree(model, NULL), 0);
	for (size_t i = 0; i < HD_COUNTOF(pids); i++) {
		int status;
		cr_assert_eq(waitpid(pids[i], &status, WUNTRACED), pids[i]);
		cr_assert(WIFSTOPPED(status));
		put_away(pids[i]);
	}
	hd_model_free(model);
}
