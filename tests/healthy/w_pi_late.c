/* EXPECT: verdict=none
 * A mutex with priority inheritance whose holder sleeps. */
#include "fixture.h"

static pthread_mutex_t mutex;

static void *hold(void *arg)
{
	pthread_mutex_lock(&mutex);
	sem_post(&fixture_taken);
	fixture_sleep(LOOKALIKE_S);
	pthread_mutex_unlock(&mutex);
	return arg;
}

int main(void)
{
	pthread_mutexattr_t attr;
	fixture_begin();
	sem_init(&fixture_taken, 0, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&mutex, &attr);
	fixture_thread(hold, NULL);
	sem_wait(&fixture_taken);
	return pthread_mutex_lock(&mutex);
}
