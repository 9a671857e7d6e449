/* EXPECT: verdict=none
 * The main thread has ended; of the two that are left, one waits for the other, which sleeps. */
#include "fixture.h"

static sem_t slot;

static void *wait_for_it(void *arg)
{
	sem_wait(&slot);
	exit(0);
	return arg;
}

static void *sleep_and_post(void *arg)
{
	fixture_sleep(LOOKALIKE_S);
	sem_post(&slot);
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&slot, 0, 0);
	fixture_thread(wait_for_it, NULL);
	fixture_thread(sleep_and_post, NULL);
	pthread_exit(NULL);
}
