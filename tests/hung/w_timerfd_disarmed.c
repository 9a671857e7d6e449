/* EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process kind=timer
 * SIGHT: all
 * Reads a timer that is not armed. */
#include <sys/timerfd.h>

#include "fixture.h"

int main(void)
{
	uint64_t n;
	fixture_begin();
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	return (int)read(timer, &n, sizeof(n)) * 0;
}
