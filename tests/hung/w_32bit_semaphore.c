/* EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=futex|join
 * TRY: -m32 -isystem /usr/include/x86_64-linux-gnu
 * A program of 32 bits: two threads wait for each other's semaphore, the first joins them. */
#include "fixture.h"

static sem_t a, b;

static void *first(void *arg)
{
	sem_wait(&a);
	sem_post(&b);
	return arg;
}

static void *second(void *arg)
{
	sem_wait(&b);
	sem_post(&a);
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&a, 0, 0), sem_init(&b, 0, 0);
	pthread_t one = fixture_thread(first, NULL), two = fixture_thread(second, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	return 0;
}
