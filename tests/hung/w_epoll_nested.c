/* EXPECT: verdict=deadlock cause=no-waker|wait-cycle certainty=proven scope=process kind=epoll
 * SIGHT: all
 * An epoll set in an epoll set that watches a pipe to which only the waiting process could write. */
#include <sys/epoll.h>

#include "fixture.h"

int main(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int ends[2], inner = epoll_create1(0), outer = epoll_create1(0);
	fixture_begin();
	MUST(pipe(ends) == 0);
	MUST(epoll_ctl(inner, EPOLL_CTL_ADD, ends[0], &event) == 0 && epoll_ctl(outer, EPOLL_CTL_ADD, inner, &event) == 0);
	return epoll_wait(outer, &event, 1, -1) * 0;
}
