/* EXPECT: verdict=none
 * The holder of a mutex computes for a while; everybody else waits for it. */
#include "fixture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *compute(void *arg)
{
	struct timespec now, end;
	pthread_mutex_lock(&lock);
	sem_post(&fixture_taken);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 1;
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	pthread_mutex_unlock(&lock);
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&fixture_taken, 0, 0);
	fixture_thread(compute, NULL);
	sem_wait(&fixture_taken);
	pthread_mutex_lock(&lock);
	return 0;
}
