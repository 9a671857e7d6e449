/* EXPECT: verdict=none
 * The child waits for a semaphore that its own handler posts; its parent, asleep now, will send the signal. */
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
	signal(SIGUSR1, on_signal);
	pid_t child = fixture_fork();
	if (child == 0) {
		while (sem_wait(&slot) != 0)
			;
		_exit(0);
	}
	fixture_sleep(LOOKALIKE_S);
	kill(child, SIGUSR1);
	return fixture_wait(child);
}
