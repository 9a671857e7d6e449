/* EXPECT: verdict=none
 * A child made by clone() that tells its end by another signal than SIGCHLD; the handler posts. */
#include <sched.h>
#include <sys/syscall.h>

#include "fixture.h"

static sem_t slot;

static void on_signal(int signal_number)
{
	(void)signal_number;
	sem_post(&slot);
}

int main(void)
{
	fixture_begin();
	sem_init(&slot, 0, 0);
	sigaction(SIGURG, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	sigaction(SIGXCPU, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL);
	pid_t child = (pid_t)syscall(SYS_clone, SIGXCPU, 0, 0, 0, 0);
	if (child == 0) {
		fixture_begin();
		fixture_sleep(LOOKALIKE_S);
		_exit(0);
	}
	while (sem_wait(&slot) != 0)
		;
	MUST(waitpid(child, NULL, __WALL) == child);
	return 0;
}
