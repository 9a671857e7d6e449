/* EXPECT: verdict=none
 * SA_NOCLDWAIT: wait4 comes back, with an error, only when the last child has gone. */
#include "fixture.h"

int main(void)
{
	fixture_begin();
	sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT}, NULL);
	for (int i = 0; i < 3; i++) {
		if (fixture_fork() == 0) {
			fixture_sleep(LOOKALIKE_S * (i + 1) / 3);
			_exit(0);
		}
	}
	MUST(wait(NULL) < 0 && errno == ECHILD);
	return 0;
}
