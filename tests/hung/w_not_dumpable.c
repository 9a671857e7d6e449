/* EXPECT: verdict=deadlock cause=self-lock|no-waker certainty=proven|owned scope=process kind=mutex
 * A program that forbids to be looked into, which root may all the same. */
#include "fixture.h"

int main(void)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	fixture_begin();
	if (geteuid() != 0)
		return 77;
	MUST(prctl(PR_SET_DUMPABLE, 0) == 0);
	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&mutex);
	return 0;
}
