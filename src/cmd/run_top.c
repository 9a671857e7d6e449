/* hangdog run --top: an ordinary `run` on a terminal of its own, and the view around it (decision 0012). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "cmd/cmd.h"
#include "cmd/say.h"
#include "cmd/top.h"

#define HANGUP_MS 3000 /* how long a command may take to end once its terminal is closed, before we leave it to itself */

static const char run_leaving[] = "Leave? The command still runs, and its terminal closes with this view: it gets SIGHUP, which ends most programs.";
static const char attach_leaving[] = "Leave? hangdog stops guarding; the program runs on as before.";

static int open_pty(int *ret_ours, int *ret_its)
{
	char name[64];
	HD_CLEAN_FD int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ours < 0 || grantpt(ours) != 0 || unlockpt(ours) != 0 || ptsname_r(ours, name, sizeof(name)) != 0)
		return -errno;
	int its = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (its < 0)
		return -errno;
	*ret_ours = hd_steal_fd(&ours);
	*ret_its = its;
	return 0;
}

/* The child: hangdog run or attach, as in any other terminal. */
static int guard_on(int its, const struct hd_options *options)
{
	struct hd_options plain = *options;
	plain.top = false;
	if (setsid() < 0 || ioctl(its, TIOCSCTTY, 0) != 0)
		return HD_EXIT_ERROR;
	for (int fd = 0; fd < 3; fd++)
		dup2(its, fd);
	if (its > 2)
		close(its);
	return plain.command->run(&plain);
}

static void wait_for_end(struct hd_top_command *command)
{
	for (int left_ms = HANGUP_MS; !command->has_ended && left_ms > 0; left_ms -= 20) {
		command->has_ended = waitpid(command->pid, &command->wait_status, WNOHANG) == command->pid;
		if (!command->has_ended)
			poll(NULL, 0, 20);
	}
}

int hd_guard_under_top(const struct hd_options *options)
{
	struct hd_top_command command = {.fd = -1, .leaving = options->n_pids > 0 ? attach_leaving : run_leaving};
	int its = -1;
	int r = open_pty(&command.fd, &its);
	if (r < 0) {
		hd_say("--top: no terminal can be made for the command: %s", strerror(-r));
		return HD_EXIT_ERROR;
	}
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		hd_say("--top: the live view needs a terminal on stdin and stdout: leave --top away");
		return HD_EXIT_ERROR;
	}
	command.pid = fork();
	if (command.pid == 0) {
		close(command.fd);
		exit(guard_on(its, options));
	}
	close(its);
	if (command.pid < 0) {
		hd_say("--top: no process can be started: %m");
		return HD_EXIT_ERROR;
	}
	r = hd_top_around(options, &command);
	close(command.fd);
	wait_for_end(&command);
	if (!command.has_ended)
		hd_say("the command runs on without a terminal; hangdog %d guards it", command.pid);
	if (r < 0 || !command.has_ended)
		return r < 0 ? HD_EXIT_ERROR : 0;
	return WIFEXITED(command.wait_status) ? WEXITSTATUS(command.wait_status) : 128 + WTERMSIG(command.wait_status);
}
