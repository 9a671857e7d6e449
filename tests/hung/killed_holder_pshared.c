/* EXPECT: verdict=deadlock cause=dead-holder certainty=owned|proven scope=process kind=mutex
 * Two processes share a mutex (not robust); the one that holds it is killed. */
#include "fixture.h"

int main(void)
{
	fixture_begin();
	pthread_mutex_t *lock = fixture_shared_mutex();
	pid_t holder = fixture_fork();
	if (holder == 0) {
		pthread_mutex_lock(lock);
		raise(SIGKILL);
	}
	fixture_wait(holder);
	pthread_mutex_lock(lock);
	return 0;
}
