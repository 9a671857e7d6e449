/* EXPECT: verdict=deadlock cause=inherited-lock certainty=proven scope=process kind=mutex culprits=1
 * Grandparent waits for parent, parent for child, and the child for a lock that it inherited: one culprit, two who wait. */
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
	pid_t child = fixture_fork();
	if (child == 0) {
		take();
		_exit(0);
	}
	_exit(fixture_wait(child));
}

int main(void)
{
	return fixture_fork_while_held(take, give_back, want);
}
