/* EXPECT: verdict=none
 * A thread waits for what nobody will ever give; another, asleep now, cancels it, and the main thread joins both. */
#include "fixture.h"

static sem_t never;

static void *wait_for_ever(void *arg)
{
	sem_wait(&never);
	return arg;
}

static void *cancel_it(void *thread)
{
	fixture_sleep(LOOKALIKE_S);
	pthread_cancel(*(pthread_t *)thread);
	return NULL;
}

int main(void)
{
	void *result;
	fixture_begin();
	sem_init(&never, 0, 0);
	pthread_t thread = fixture_thread(wait_for_ever, NULL), other = fixture_thread(cancel_it, &thread);
	pthread_join(thread, &result);
	pthread_join(other, NULL);
	return result != PTHREAD_CANCELED;
}
