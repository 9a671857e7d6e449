/* EXPECT: verdict=deadlock cause=inherited-lock certainty=proven scope=process kind=mutex
 * OBJECT: own_lock \(in inherited_thread_local_lock.c\), thread-local, of .*thread
 * Each thread has a mutex of its own; a copy asks for that of a thread that the fork did not copy. */
#include "fixture.h"

static __thread pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t *theirs;

static void take(void)
{
	if (theirs == NULL)
		theirs = &own_lock;
	pthread_mutex_lock(theirs);
}

static void give_back(void)
{
	pthread_mutex_unlock(theirs);
}

int main(void)
{
	return fixture_fork_while_held(take, give_back, take);
}
