/* What a shell sees of hangdog when Ctrl-Z stops the command under it: real processes, real stops. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/tracer_priv.h"

static volatile sig_atomic_t n_caught;

static void on_signal(int signal)
{
	(void)signal;
	n_caught = n_caught + 1;
}

/* Ends with 0 if nothing about the signal is different afterwards, and no handler ran. */
static void stop_and_compare(int32_t signal, bool is_blocked)
{
	struct sigaction mine = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, after;
	sigset_t only, mask;
	sigemptyset(&only);
	sigaddset(&only, signal);
	if (signal != SIGSTOP && sigaction(signal, &mine, NULL) < 0)
		_exit(2);
	sigprocmask(is_blocked ? SIG_BLOCK : SIG_UNBLOCK, &only, NULL);
	hd_jobctl_stop_self(signal);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	if (n_caught != 0)
		_exit(3);
	if (signal != SIGSTOP && (sigaction(signal, NULL, &after) < 0 || after.sa_handler != on_signal || (after.sa_flags & SA_RESTART) == 0))
		_exit(4);
	_exit(signal != SIGSTOP && sigismember(&mask, signal) != is_blocked ? 5 : 0);
}

enum place { GROUP_OF_ITS_OWN, SESSION_OF_ITS_OWN };

static pid_t stopper_start(enum place place, int32_t signal, bool is_blocked)
{
	pid_t pid = fork();
	cr_assert(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	/* The kernel lets a terminal's signals stop a group only if somebody of its session, outside of it, could continue it. */
	if ((place == GROUP_OF_ITS_OWN ? setpgid(0, 0) : setsid()) < 0)
		_exit(2);
	stop_and_compare(signal, is_blocked);
	_exit(9);
}

static int next_status(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, WUNTRACED) < 0)
		cr_assert_eq(errno, EINTR);
	return status;
}

static void stops_and_goes_on(enum place place, int32_t signal, bool is_blocked)
{
	pid_t pid = stopper_start(place, signal, is_blocked);
	int status = next_status(pid);
	cr_assert(WIFSTOPPED(status), "signal %d: status %#x", signal, (unsigned)status);
	cr_expect_eq(WSTOPSIG(status), signal);
	kill(pid, SIGCONT);
	status = next_status(pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "signal %d, blocked %d: status %#x", signal, is_blocked, (unsigned)status);
}

Test(jobctl, each_stop_of_the_terminal_is_shown_as_it_is_and_leaves_no_trace, .timeout = 30)
{
	static const int32_t stops[] = {SIGTSTP, SIGTTIN, SIGTTOU};
	for (size_t i = 0; i < HD_COUNTOF(stops); i++) {
		stops_and_goes_on(GROUP_OF_ITS_OWN, stops[i], false);
		stops_and_goes_on(GROUP_OF_ITS_OWN, stops[i], true);
	}
}

Test(jobctl, the_stop_that_nobody_can_catch_works_in_any_group, .timeout = 30)
{
	stops_and_goes_on(GROUP_OF_ITS_OWN, SIGSTOP, false);
	stops_and_goes_on(SESSION_OF_ITS_OWN, SIGSTOP, false);
}

Test(jobctl, where_nobody_could_continue_it_hangdog_does_not_stop, .timeout = 30)
{
	for (int is_blocked = 0; is_blocked <= 1; is_blocked++) {
		int status = next_status(stopper_start(SESSION_OF_ITS_OWN, SIGTSTP, is_blocked));
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "blocked %d: status %#x", is_blocked, (unsigned)status);
	}
}
