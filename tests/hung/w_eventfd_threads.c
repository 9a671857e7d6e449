/* EXPECT: verdict=deadlock cause=no-waker|wait-cycle certainty=proven scope=process kind=eventfd
 * SIGHT: all
 * Two threads wait for each other's eventfd to be counted up. */
#include <sys/eventfd.h>

#include "fixture.h"

static int doors[2];

static void *wait_on(void *arg)
{
	uint64_t n;
	MUST(read(*(int *)arg, &n, sizeof(n)) == sizeof(n));
	return NULL;
}

int main(void)
{
	fixture_begin();
	doors[0] = eventfd(0, EFD_SEMAPHORE), doors[1] = eventfd(0, 0);
	fixture_thread(wait_on, &doors[0]);
	wait_on(&doors[1]);
	return 0;
}
