/* EXPECT: verdict=none
 * One thread blocks all signals and waits; the handler of the alarm runs in the other, which waits for a pipe of its own,
 * and posts.  Asking the first one for timers must leave the signal mask, the pipe and the wait as they are. */
#include <sys/time.h>

#include "fixture.h"

static sem_t slot;
static int ends[2];

static void ring(int signal_number)
{
	(void)signal_number;
	sem_post(&slot);
}

static void *wait_for_it(void *arg)
{
	sigset_t all, now;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	MUST(sem_wait(&slot) == 0);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	MUST(sigismember(&now, SIGTRAP) == 1);
	MUST(write(ends[1], "x", 1) == 1);
	return arg;
}

int main(void)
{
	struct sigaction action = {.sa_handler = ring, .sa_flags = SA_RESTART};
	struct itimerval once = {{0, 0}, {1, 500000}};
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	sem_init(&slot, 0, 0);
	sigaction(SIGALRM, &action, NULL);
	pthread_t thread = fixture_thread(wait_for_it, NULL);
	setitimer(ITIMER_REAL, &once, NULL);
	MUST(read(ends[0], &c, 1) == 1);
	pthread_join(thread, NULL);
	return 0;
}
