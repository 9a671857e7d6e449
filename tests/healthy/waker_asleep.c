/* EXPECT: verdict=none
 * Several threads wait for semaphores, joins and conditions; the one that ends it all sleeps. */
#include "fixture.h"

static sem_t slot;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static bool is_ready;

static void *wait_condition(void *arg)
{
	pthread_mutex_lock(&lock);
	while (!is_ready)
		pthread_cond_wait(&ready, &lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

static void *wait_semaphore(void *arg)
{
	sem_wait(&slot);
	return arg;
}

static void *sleeper(void *arg)
{
	fixture_sleep(LOOKALIKE_S);
	sem_post(&slot);
	pthread_mutex_lock(&lock);
	is_ready = true;
	pthread_cond_broadcast(&ready);
	pthread_mutex_unlock(&lock);
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&slot, 0, 0);
	pthread_t a = fixture_thread(wait_condition, NULL), b = fixture_thread(wait_semaphore, NULL);
	fixture_thread(sleeper, NULL);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return 0;
}
