/* EXPECT: verdict=none
 * Looks like hung/inherited_mutex_normal, but the child's wait has a time limit. */
#include "fixture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take(void)
{
	pthread_mutex_lock(&lock);
}

static void give_back(void)
{
	pthread_mutex_unlock(&lock);
}

static void want(void)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	MUST(pthread_mutex_timedlock(&lock, &until) == ETIMEDOUT);
}

int main(void)
{
	return fixture_fork_while_held(take, give_back, want);
}
