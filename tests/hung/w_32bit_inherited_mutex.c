/* EXPECT: verdict=deadlock cause=inherited-lock|no-waker certainty=proven|owned scope=process kind=mutex|futex
 * TRY: -m32
 * A program of 32 bits: a mutex that another thread held while it forked. */
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
	return fixture_fork_while_held(take, give_back, take);
}
