/* EXPECT: verdict=none
 * As alarm_handler_posts, with setitimer. */
#include <sys/time.h>

#include "fixture.h"

static sem_t slot;

static void on_signal(int signal_number)
{
	(void)signal_number;
	sem_post(&slot);
}

static void take(void)
{
	while (sem_wait(&slot) != 0)
		;
}

static void give_back(void)
{
	sem_post(&slot);
}

static void want(void)
{
	struct itimerval when = {.it_value.tv_sec = 1};
	MUST(setitimer(ITIMER_REAL, &when, NULL) == 0);
	take();
}

int main(void)
{
	sem_init(&slot, 0, 1);
	signal(SIGALRM, on_signal);
	return fixture_fork_while_held(take, give_back, want);
}
