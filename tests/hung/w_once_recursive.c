/* EXPECT: verdict=deadlock cause=self-lock|no-waker certainty=proven|owned scope=process kind=once
 * A one-time initialisation that asks for itself. */
#include "fixture.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void)
{
	pthread_once(&once, initialise);
}

int main(void)
{
	fixture_begin();
	pthread_once(&once, initialise);
	return 0;
}
