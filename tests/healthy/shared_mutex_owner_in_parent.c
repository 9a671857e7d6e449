/* EXPECT: verdict=none
 * Looks like hung/killed_holder_pshared and like an inherited lock: the owner is no thread of the child, but it lives. */
#include "fixture.h"

int main(void)
{
	fixture_begin();
	pthread_mutex_t *lock = fixture_shared_mutex();
	pthread_mutex_lock(lock);
	pid_t child = fixture_fork();
	if (child == 0) {
		pthread_mutex_lock(lock);
		pthread_mutex_unlock(lock);
		_exit(0);
	}
	fixture_sleep(LOOKALIKE_S);
	pthread_mutex_unlock(lock);
	return fixture_wait(child);
}
