/* EXPECT: verdict=none
 * TRY: -m32 -isystem /usr/include/x86_64-linux-gnu
 * Programs of 32 bits that wait by poll, select, epoll and with time limits, for a child that takes its time. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "fixture.h"

int main(void)
{
	int up[2];
	char c;
	fixture_begin();
	MUST(pipe(up) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		for (int i = 0; i < 3; i++) {
			fixture_sleep(0.5);
			MUST(write(up[1], "x", 1) == 1);
		}
		_exit(0);
	}
	struct pollfd wait = {.fd = up[0], .events = POLLIN};
	MUST(poll(&wait, 1, -1) == 1 && read(up[0], &c, 1) == 1);
	fd_set set;
	FD_ZERO(&set);
	FD_SET(up[0], &set);
	MUST(select(up[0] + 1, &set, NULL, NULL, NULL) == 1 && read(up[0], &c, 1) == 1);
	int ep = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, up[0], &event) == 0 && epoll_wait(ep, &event, 1, -1) == 1);
	struct timeval limit = {.tv_usec = 500000};
	MUST(select(0, NULL, NULL, NULL, &limit) == 0 && poll(NULL, 0, 500) == 0);
	sem_t nobody;
	struct timespec until;
	sem_init(&nobody, 0, 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	MUST(sem_timedwait(&nobody, &until) == -1);
	return fixture_wait(child);
}
