/* EXPECT: verdict=deadlock cause=lock-cycle|no-waker certainty=proven|owned scope=process kind=mutex|futex
 * Two mutexes with priority inheritance taken crosswise: the kernel tells the second thread that it would be a deadlock,
 * and the C library parks it for ever. */
#include "fixture.h"

static pthread_mutex_t a, b;
static pthread_barrier_t both;

static void *other(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&b);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&a);
	return NULL;
}

int main(void)
{
	pthread_mutexattr_t attr;
	fixture_begin();
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&a, &attr), pthread_mutex_init(&b, &attr);
	pthread_barrier_init(&both, NULL, 2);
	fixture_thread(other, NULL);
	pthread_mutex_lock(&a);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&b);
	return 0;
}
