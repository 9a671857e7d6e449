/* EXPECT: verdict=deadlock cause=no-waker|wait-cycle|lock-cycle certainty=proven scope=process kind=join
 * Three threads join each other in a ring (glibc refuses a ring of two with EDEADLK). */
#include "fixture.h"

static pthread_t ring[3];
static sem_t known;

static void *join_next(void *arg)
{
	sem_wait(&known);
	pthread_join(*(pthread_t *)arg, NULL);
	return NULL;
}

int main(void)
{
	fixture_begin();
	sem_init(&known, 0, 0);
	ring[0] = pthread_self();
	ring[1] = fixture_thread(join_next, &ring[2]);
	ring[2] = fixture_thread(join_next, &ring[0]);
	sem_post(&known);
	sem_post(&known);
	pthread_join(ring[1], NULL);
	return 0;
}
