/* EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=condition
 * All threads wait on a condition that only they could signal. */
#include "fixture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static bool is_ready;

static void *wait_for_it(void *arg)
{
	pthread_mutex_lock(&lock);
	while (!is_ready)
		pthread_cond_wait(&ready, &lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

int main(void)
{
	fixture_begin();
	fixture_thread(wait_for_it, NULL);
	wait_for_it(NULL);
	return 0;
}
