/* EXPECT: verdict=none
 * An epoll set in an epoll set in an epoll set, at whose bottom a timer is armed. */
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "fixture.h"

int main(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int sets[3];
	fixture_begin();
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec late = {.it_value = {1, 200000000}};
	MUST(timerfd_settime(timer, 0, &late, NULL) == 0);
	for (int i = 0; i < 3; i++) {
		sets[i] = epoll_create1(0);
		MUST(epoll_ctl(sets[i], EPOLL_CTL_ADD, i == 0 ? timer : sets[i - 1], &event) == 0);
	}
	MUST(epoll_wait(sets[2], &event, 1, -1) == 1);
	return 0;
}
