/* EXPECT: verdict=none
 * The descriptor that an epoll set watches was closed and its number used again: what is watched lives on in a copy. */
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "fixture.h"

int main(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int ends[2], set = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec late = {.it_value = {1, 200000000}};
	fixture_begin();
	MUST(timerfd_settime(timer, 0, &late, NULL) == 0 && epoll_ctl(set, EPOLL_CTL_ADD, timer, &event) == 0);
	MUST(dup(timer) >= 0 && pipe(ends) == 0 && dup2(ends[0], timer) == timer);
	MUST(epoll_wait(set, &event, 1, -1) == 1);
	return 0;
}
