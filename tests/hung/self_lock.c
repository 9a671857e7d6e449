/* EXPECT: verdict=deadlock cause=self-lock certainty=proven scope=process kind=mutex
 * A thread locks a plain mutex that it holds already. */
#include "fixture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int main(void)
{
	fixture_begin();
	pthread_mutex_lock(&lock);
	pthread_mutex_lock(&lock);
	return 0;
}
