/* EXPECT: verdict=deadlock cause=lock-cycle certainty=proven scope=process kind=mutex
 * The main thread has ended; the two that are left hold what each other wants. */
#include "fixture.h"

static pthread_mutex_t locks[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_barrier_t both;

static void *take_two(void *arg)
{
	int first = arg != NULL;
	pthread_mutex_lock(&locks[first]);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&locks[!first]);
	return NULL;
}

int main(void)
{
	fixture_begin();
	pthread_barrier_init(&both, NULL, 2);
	fixture_thread(take_two, NULL);
	fixture_thread(take_two, &both);
	pthread_exit(NULL);
}
