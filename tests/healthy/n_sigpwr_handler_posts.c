/* EXPECT: verdict=none
 * SIGPWR is how this parent tells its worker to go on: the handler posts the semaphore that the worker waits for. */
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
	sigaction(SIGPWR, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL);
	pid_t child = fixture_fork();
	if (child == 0) {
		while (sem_wait(&slot) != 0)
			;
		_exit(0);
	}
	fixture_sleep(LOOKALIKE_S);
	kill(child, SIGPWR);
	return fixture_wait(child);
}
