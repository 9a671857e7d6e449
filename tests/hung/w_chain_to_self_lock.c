/* EXPECT: verdict=deadlock cause=self-lock|no-waker certainty=proven|owned scope=process kind=mutex
 * Many idle threads in one unbounded wait, and two that lock each other out through a third lock: a chain, not a circle. */
#include "fixture.h"

static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER, inner = PTHREAD_MUTEX_INITIALIZER;

static void *chain(void *arg)
{
	pthread_mutex_lock(&outer);
	sem_post(&fixture_taken);
	pthread_mutex_lock(&inner);
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&fixture_taken, 0, 0);
	pthread_mutex_lock(&inner);
	fixture_thread(chain, NULL);
	sem_wait(&fixture_taken);
	pthread_mutex_lock(&inner);
	return 0;
}
