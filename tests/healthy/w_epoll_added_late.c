/* EXPECT: verdict=none
 * An epoll set that watches nothing, until another process that shares it adds something. */
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "fixture.h"

int main(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	fixture_begin();
	int set = epoll_create1(0);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(epoll_ctl(set, EPOLL_CTL_ADD, eventfd(1, 0), &event) == 0);
		fixture_sleep(0.1);
		_exit(0);
	}
	MUST(epoll_wait(set, &event, 1, -1) == 1);
	return fixture_wait(child);
}
