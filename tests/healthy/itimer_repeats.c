/* EXPECT: verdict=none
 * Asked for its timers again and again, a process that waits for one of them must not notice: each wait ends by the
 * handler's post, each call that is interrupted goes on. */
#include <sys/time.h>

#include "fixture.h"

static sem_t slot;

static void ring(int signal_number)
{
	(void)signal_number;
	sem_post(&slot);
}

int main(void)
{
	struct sigaction action = {.sa_handler = ring, .sa_flags = SA_RESTART};
	struct itimerval every = {{0, 400000}, {0, 400000}};
	fixture_begin();
	sem_init(&slot, 0, 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (int i = 0; i < 6; i++)
		MUST(sem_wait(&slot) == 0); /* SA_RESTART: never EINTR, whoever looks on */
	return 0;
}
