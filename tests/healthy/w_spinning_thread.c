/* EXPECT: verdict=none
 * A thread spins until another, which sleeps, sets a flag; a third waits for the spinning one. */
#include "fixture.h"

static atomic_bool flag;

static void *spin(void *arg)
{
	while (!atomic_load(&flag))
		sched_yield();
	return arg;
}

static void *set(void *arg)
{
	fixture_sleep(LOOKALIKE_S);
	atomic_store(&flag, true);
	return arg;
}

int main(void)
{
	fixture_begin();
	fixture_thread(set, NULL);
	pthread_join(fixture_thread(spin, NULL), NULL);
	return 0;
}
