/* EXPECT: verdict=none
 * A POSIX timer whose expiry the C library tells by a new thread. */
#include "fixture.h"

static sem_t sem;

static void on_time(union sigval value)
{
	(void)value;
	sem_post(&sem);
}

int main(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_time};
	struct itimerspec late = {.it_value = {1, 200000000}};
	timer_t timer;
	fixture_begin();
	sem_init(&sem, 0, 0);
	MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &late, NULL) == 0);
	return sem_wait(&sem);
}
