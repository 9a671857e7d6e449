/* EXPECT: verdict=deadlock cause=dead-holder certainty=proven scope=process kind=mutex
 * OBJECT: shelf_lock \(in thread_ended_with_lock.c\)
 * A thread returns without unlocking; the main thread wants the lock. */
#include "fixture.h"

static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;

static void *takes_it_along(void *arg)
{
	pthread_mutex_lock(&shelf_lock);
	return arg;
}

int main(void)
{
	fixture_begin();
	pthread_join(fixture_thread(takes_it_along, NULL), NULL);
	pthread_mutex_lock(&shelf_lock);
	return 0;
}
