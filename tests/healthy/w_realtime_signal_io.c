/* EXPECT: verdict=none
 * As SIGIO, but by a real-time signal that F_SETSIG chose, to the process that waits. */
#include "fixture.h"

static sem_t sem;

static void on_io(int sig)
{
	(void)sig;
	sem_post(&sem);
}

int main(void)
{
	int ends[2];
	fixture_begin();
	sem_init(&sem, 0, 0);
	signal(SIGRTMIN + 3, on_io);
	MUST(pipe(ends) == 0);
	MUST(fcntl(ends[0], F_SETSIG, SIGRTMIN + 3) == 0);
	MUST(fcntl(ends[0], F_SETOWN, getpid()) == 0 && fcntl(ends[0], F_SETFL, O_ASYNC) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(write(ends[1], "x", 1) == 1);
		_exit(0);
	}
	while (sem_wait(&sem) != 0)
		;
	return fixture_wait(child);
}
