/* EXPECT: verdict=deadlock cause=inherited-lock certainty=proven scope=process kind=mutex
 * The forking thread itself holds a recursive mutex.  The child is that thread under a new id, which the mutex does not
 * know: it waits for itself. */
#include "fixture.h"

static pthread_mutex_t lock;

int main(void)
{
	fixture_begin();
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&lock, &attr);
	pthread_mutex_lock(&lock);
	pid_t child = fixture_fork();
	if (child == 0) {
		pthread_mutex_lock(&lock);
		_exit(0);
	}
	pthread_mutex_unlock(&lock);
	return fixture_wait(child);
}
