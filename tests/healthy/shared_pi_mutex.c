/* EXPECT: verdict=none
 * A priority-inheritance mutex in shared memory, whose owner in another process sleeps. */
#include "fixture.h"

int main(void)
{
	fixture_begin();
	pthread_mutex_t *lock = fixture_shared(sizeof(*lock));
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	MUST(pthread_mutex_init(lock, &attr) == 0);
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
