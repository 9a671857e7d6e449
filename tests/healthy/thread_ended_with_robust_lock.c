/* EXPECT: verdict=none
 * Looks like hung/thread_ended_with_lock, but the mutex is robust: whoever wants it is told that its holder has ended. */
#include "fixture.h"

static pthread_mutex_t shelf_lock;

static void *takes_it_along(void *arg)
{
	pthread_mutex_lock(&shelf_lock);
	fixture_sleep(LOOKALIKE_S);
	return arg;
}

static void *wants_it(void *arg)
{
	return pthread_mutex_lock(&shelf_lock) == EOWNERDEAD ? arg : NULL;
}

int main(void)
{
	pthread_mutexattr_t attr;
	void *got;
	fixture_begin();
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shelf_lock, &attr);
	pthread_t holder = fixture_thread(takes_it_along, NULL);
	while (pthread_mutex_trylock(&shelf_lock) == 0)
		pthread_mutex_unlock(&shelf_lock);
	pthread_t waiter = fixture_thread(wants_it, &got);
	return pthread_join(holder, NULL) != 0 || pthread_join(waiter, &got) != 0 || got == NULL;
}
