/* EXPECT: verdict=none
 * An epoll set, shared by inheritance; what it watches is ready, but spent (EPOLLONESHOT): a child re-arms it. */
#include <sys/epoll.h>

#include "fixture.h"

int main(void)
{
	struct epoll_event got, want = {.events = EPOLLIN | EPOLLONESHOT};
	int ends[2], set = epoll_create1(0);
	fixture_begin();
	MUST(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &want) == 0 && epoll_wait(set, &got, 1, -1) == 1);
	pid_t child = fixture_fork();
	if (child == 0) {
		close(ends[1]);
		fixture_sleep(LOOKALIKE_S);
		_exit(epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &want) != 0);
	}
	while (epoll_wait(set, &got, 1, -1) < 0 && errno == EINTR)
		;
	return fixture_wait(child);
}
