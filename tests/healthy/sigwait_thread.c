/* EXPECT: verdict=none
 * A signal-handling thread in sigwait, the rest waits for it; a sleeping child sends the signal. */
#include "fixture.h"

int main(void)
{
	sigset_t set;
	int got;
	fixture_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	MUST(sigwait(&set, &got) == 0 && got == SIGUSR1);
	return fixture_wait(child);
}
