/* EXPECT: verdict=none
 * As alarm_handler_posts, with timer_create. */
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
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
	struct itimerspec when = {.it_value.tv_sec = 1};
	MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &when, NULL) == 0);
	take();
}

int main(void)
{
	sem_init(&slot, 0, 1);
	signal(SIGUSR2, on_signal);
	return fixture_fork_while_held(take, give_back, want);
}
