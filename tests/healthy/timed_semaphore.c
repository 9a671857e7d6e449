/* EXPECT: verdict=none
 * Looks like hung/inherited_semaphore, but the child's wait has a time limit. */
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

static void want(void)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	MUST(sem_timedwait(&slot, &until) == -1 && errno == ETIMEDOUT);
}

int main(void)
{
	sem_init(&slot, 0, 1);
	return fixture_fork_while_held(take, give_back, want);
}
