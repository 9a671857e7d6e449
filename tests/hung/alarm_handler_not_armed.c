/* EXPECT: verdict=deadlock cause=inherited-lock certainty=proven|owned scope=process kind=mutex culprits=1
 * MODES: launched guarded
 * Catches SIGALRM, and has used alarm(), but no timer is armed any more: the process itself says so when it is asked. */
#include "fixture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void ring(int signal_number)
{
	(void)signal_number;
}

static void take(void)
{
	pthread_mutex_lock(&lock);
}

static void give_back(void)
{
	pthread_mutex_unlock(&lock);
}

int main(void)
{
	signal(SIGALRM, ring);
	alarm(100);
	alarm(0);
	return fixture_fork_while_held(take, give_back, take);
}
