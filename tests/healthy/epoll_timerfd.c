/* EXPECT: verdict=none
 * An event loop with no time limit of its own waits for a timerfd. */
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "fixture.h"

int main(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct itimerspec when = {.it_value.tv_sec = 1};
	fixture_begin();
	int timer = timerfd_create(CLOCK_MONOTONIC, 0), set = epoll_create1(0);
	MUST(timerfd_settime(timer, 0, &when, NULL) == 0 && epoll_ctl(set, EPOLL_CTL_ADD, timer, &event) == 0);
	return epoll_wait(set, &event, 1, -1) != 1;
}
