/* EXPECT: verdict=deadlock cause=self-lock|no-waker|lock-cycle certainty=proven|owned scope=process kind=mutex|join
 * Many threads want a mutex whose holder joins one of them. */
#include "fixture.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *want(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

int main(void)
{
	pthread_t threads[20];
	fixture_begin();
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 20; i++)
		threads[i] = fixture_thread(want, NULL);
	pthread_join(threads[19], NULL);
	pthread_mutex_unlock(&mutex);
	return 0;
}
