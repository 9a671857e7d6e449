/* EXPECT: verdict=none
 * Reads a timer that fires; then one that another process arms. */
#include <sys/timerfd.h>

#include "fixture.h"

int main(void)
{
	struct itimerspec late = {.it_value = {0, 700000000}};
	uint64_t n;
	fixture_begin();
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	MUST(timerfd_settime(timer, 0, &late, NULL) == 0);
	MUST(read(timer, &n, sizeof(n)) == sizeof(n));
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(0.7);
		MUST(timerfd_settime(timer, 0, &late, NULL) == 0);
		_exit(0);
	}
	MUST(read(timer, &n, sizeof(n)) == sizeof(n));
	return fixture_wait(child);
}
