/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=semaphore
 * A semaphore used as a lock (as CPython does), taken by another thread at the fork: nobody is recorded as its owner. */
#include "fixture.h"

static sem_t slot;

static void take(void)
{
	sem_wait(&slot);
}

static void give_back(void)
{
	sem_post(&slot);
}

int main(void)
{
	sem_init(&slot, 0, 1);
	return fixture_fork_while_held(take, give_back, take);
}
