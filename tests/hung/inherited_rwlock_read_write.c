/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=rwlock
 * Read by another thread at the fork (nobody is recorded as a reader); the child wants to write. */
#include "fixture.h"

static pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER;

static void take(void)
{
	pthread_rwlock_rdlock(&table_lock);
}

static void give_back(void)
{
	pthread_rwlock_unlock(&table_lock);
}

static void want(void)
{
	pthread_rwlock_wrlock(&table_lock);
}

int main(void)
{
	return fixture_fork_while_held(take, give_back, want);
}
