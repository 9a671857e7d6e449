/* EXPECT: verdict=deadlock cause=inherited-lock certainty=proven scope=process kind=rwlock
 * Written by another thread at the fork; the child wants to read. */
#include "fixture.h"

static pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER;

static void take(void)
{
	pthread_rwlock_wrlock(&table_lock);
}

static void give_back(void)
{
	pthread_rwlock_unlock(&table_lock);
}

static void want(void)
{
	pthread_rwlock_rdlock(&table_lock);
}

int main(void)
{
	return fixture_fork_while_held(take, give_back, want);
}
