/* EXPECT: verdict=deadlock cause=inherited-lock|no-waker certainty=proven|owned scope=process kind=mutex
 * An inherited mutex in a PID namespace of its own, where numbers mean other threads. */
#include <sched.h>

#include "fixture.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void take(void)
{
	pthread_mutex_lock(&mutex);
}

static void give_back(void)
{
	pthread_mutex_unlock(&mutex);
}

int main(void)
{
	fixture_begin();
	if (unshare(CLONE_NEWPID) != 0)
		return 77;
	pid_t child = fixture_fork();
	if (child == 0)
		_exit(fixture_fork_while_held(take, give_back, take));
	return fixture_wait(child);
}
