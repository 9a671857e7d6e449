/* EXPECT: verdict=none
 * Reads a signalfd: first the child's signal comes, then SIGCHLD of its end. */
#include <sys/signalfd.h>

#include "fixture.h"

int main(void)
{
	struct signalfd_siginfo info;
	sigset_t set;
	fixture_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1), sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, 0);
	pid_t parent = getpid(), child = fixture_fork();
	if (child == 0) {
		fixture_sleep(0.6);
		kill(parent, SIGUSR1);
		fixture_sleep(0.6);
		_exit(0);
	}
	for (int i = 0; i < 2; i++)
		MUST(read(fd, &info, sizeof(info)) == sizeof(info));
	return fixture_wait(child);
}
