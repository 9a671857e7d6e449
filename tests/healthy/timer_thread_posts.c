/* EXPECT: verdict=none
 * BUILD: -lrt
 * A POSIX timer that calls a function in a thread (SIGEV_THREAD) posts the semaphore that everybody waits for. */
#include "fixture.h"

static sem_t slot;

static void on_timer(union sigval value)
{
	(void)value;
	sem_post(&slot);
}

int main(void)
{
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_timer};
	struct itimerspec when = {.it_value = {1, 200000000}};
	fixture_begin();
	sem_init(&slot, 0, 0);
	MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &when, NULL) == 0);
	while (sem_wait(&slot) != 0)
		;
	return 0;
}
