/* EXPECT: verdict=deadlock cause=inherited-lock certainty=proven scope=process kind=mutex
 * A mutex of kind errorcheck, held by another thread at the fork; the child wants it. */
#include "fixture.h"

static pthread_mutex_t registry_lock;

static void take(void)
{
	pthread_mutex_lock(&registry_lock);
}

static void give_back(void)
{
	pthread_mutex_unlock(&registry_lock);
}

int main(void)
{
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&registry_lock, &attr);
	return fixture_fork_while_held(take, give_back, take);
}
