/* EXPECT: verdict=deadlock cause=lock-cycle certainty=proven|owned scope=process kind=mutex
 * The first thread has left by pthread_exit; the two others hold what each other wants. */
#include "fixture.h"

static pthread_mutex_t locks[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_barrier_t both;

static void *cross(void *arg)
{
	int mine = arg != NULL;
	pthread_mutex_lock(&locks[mine]);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&locks[!mine]);
	return NULL;
}

int main(void)
{
	fixture_begin();
	pthread_barrier_init(&both, NULL, 2);
	fixture_thread(cross, NULL);
	fixture_thread(cross, &both);
	pthread_exit(NULL);
}
