/* EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process kind=epoll
 * SIGHT: all
 * An event loop with a timer that was never armed and an eventfd that nobody writes. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "fixture.h"

int main(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0), door = eventfd(0, 0);
	fixture_begin();
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, timer, &event) == 0 && epoll_ctl(set, EPOLL_CTL_ADD, door, &event) == 0);
	return epoll_wait(set, &event, 1, -1) * 0;
}
