/* EXPECT: verdict=deadlock cause=missing-thread|inherited-lock certainty=proven scope=process kind=barrier
 * A barrier of two, of which fork copied one. */
#include "fixture.h"

static pthread_barrier_t barrier;
static sem_t idle;

static void *partner(void *arg)
{
	pthread_barrier_wait(&barrier);
	sem_wait(&idle);
	return arg;
}

int main(void)
{
	fixture_begin();
	pthread_barrier_init(&barrier, NULL, 2);
	fixture_thread(partner, NULL);
	pthread_barrier_wait(&barrier);
	pid_t child = fixture_fork();
	if (child == 0) {
		pthread_barrier_wait(&barrier);
		_exit(0);
	}
	return fixture_wait(child);
}
