/* EXPECT: verdict=none
 * The first thread has left; one of the others waits for the last, which sleeps. */
#include "fixture.h"

static sem_t sem;

static void *post(void *arg)
{
	fixture_sleep(LOOKALIKE_S);
	sem_post(&sem);
	return arg;
}

static void *want(void *arg)
{
	sem_wait(&sem);
	exit(0);
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&sem, 0, 0);
	fixture_thread(want, NULL);
	fixture_thread(post, NULL);
	pthread_exit(NULL);
}
