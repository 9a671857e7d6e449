/* EXPECT: verdict=deadlock certainty=proven scope=process
 * A priority-inheritance mutex whose owner thread ended while it held it.  In the child the kernel says ESRCH, and glibc
 * then parks for ever on a word of its own stack. */
#include "fixture.h"

static pthread_mutex_t lock;

static void *take(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	return NULL;
}

int main(void)
{
	fixture_begin();
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	MUST(pthread_mutex_init(&lock, &attr) == 0);
	pthread_join(fixture_thread(take, NULL), NULL);
	pid_t child = fixture_fork();
	if (child == 0) {
		pthread_mutex_lock(&lock);
		_exit(0);
	}
	return fixture_wait(child);
}
