/* EXPECT: verdict=none
 * Reads a signalfd; a sleeping child sends the signal. */
#include <sys/signalfd.h>

#include "fixture.h"

int main(void)
{
	sigset_t set;
	struct signalfd_siginfo info;
	fixture_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	MUST(read(fd, &info, sizeof(info)) == sizeof(info));
	return fixture_wait(child);
}
