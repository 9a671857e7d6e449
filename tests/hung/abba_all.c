/* EXPECT: verdict=deadlock cause=lock-cycle certainty=proven scope=process kind=mutex
 * Two threads take two mutexes in opposite order; main joins them. */
#include "fixture.h"

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;

static void *one_way(void *arg)
{
	pthread_mutex_lock(&first);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&second);
	return arg;
}

static void *other_way(void *arg)
{
	pthread_mutex_lock(&second);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&first);
	return arg;
}

int main(void)
{
	fixture_begin();
	pthread_barrier_init(&both, NULL, 2);
	pthread_t a = fixture_thread(one_way, NULL), b = fixture_thread(other_way, NULL);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return 0;
}
