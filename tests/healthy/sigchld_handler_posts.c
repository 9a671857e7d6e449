/* EXPECT: verdict=none
 * Waits for a semaphore that only the handler of SIGCHLD posts, while a child that will end sleeps. */
#include "fixture.h"

static sem_t slot;

static void on_child(int signal_number)
{
	(void)signal_number;
	sem_post(&slot);
}

int main(void)
{
	fixture_begin();
	sem_init(&slot, 0, 0);
	signal(SIGCHLD, on_child);
	pid_t child = fixture_fork();
	if (child == 0) {
		signal(SIGCHLD, SIG_DFL);
		fixture_sleep(LOOKALIKE_S);
		_exit(0);
	}
	while (sem_wait(&slot) != 0)
		;
	return fixture_wait(child);
}
