/* EXPECT: verdict=deadlock cause=self-lock certainty=owned scope=partial kind=mutex
 * One worker locks a mutex that it holds already; the rest of the process lives on. */
#include "fixture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *worker(void *arg)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_lock(&lock);
	return arg;
}

int main(void)
{
	fixture_begin();
	fixture_thread(worker, NULL);
	while (true)
		fixture_sleep(0.05);
}
