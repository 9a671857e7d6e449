/* EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=semaphore
 * Three threads in a ring, each waiting for its neighbour to post. */
#include "fixture.h"

static sem_t sems[3];

static void *turn(void *arg)
{
	int mine = (int)(intptr_t)arg;
	sem_wait(&sems[mine]);
	sem_post(&sems[(mine + 1) % 3]);
	return NULL;
}

int main(void)
{
	fixture_begin();
	for (int i = 0; i < 3; i++)
		sem_init(&sems[i], 0, 0);
	fixture_thread(turn, (void *)1);
	fixture_thread(turn, (void *)2);
	turn((void *)0);
	return 0;
}
