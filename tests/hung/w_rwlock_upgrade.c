/* EXPECT: verdict=deadlock cause=self-lock|no-waker certainty=proven|owned scope=process kind=rwlock
 * A thread that reads under a read-write lock wants to write under it. */
#include "fixture.h"

int main(void)
{
	static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
	fixture_begin();
	pthread_rwlock_rdlock(&lock);
	pthread_rwlock_wrlock(&lock);
	return 0;
}
