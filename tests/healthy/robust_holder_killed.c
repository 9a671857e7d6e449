/* EXPECT: verdict=none
 * Looks like hung/killed_holder_pshared, but the mutex is robust: the kernel hands it on. */
#include "fixture.h"

int main(void)
{
	fixture_begin();
	pthread_mutex_t *lock = fixture_shared(sizeof(*lock));
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(lock, &attr);
	pid_t holder = fixture_fork();
	if (holder == 0) {
		pthread_mutex_lock(lock);
		fixture_sleep(LOOKALIKE_S);
		raise(SIGKILL);
	}
	pid_t waiter = fixture_fork();
	if (waiter == 0) {
		int r = pthread_mutex_lock(lock);
		_exit(r != 0 && r != EOWNERDEAD);
	}
	return fixture_wait(holder) != 128 + SIGKILL || fixture_wait(waiter) != 0;
}
