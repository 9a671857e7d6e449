/* EXPECT: verdict=none
 * As n_self_pipe_signal_from_parent, through epoll and an eventfd, and by SIGTERM. */
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "fixture.h"

static int event;

static void on_signal(int signal_number)
{
	(void)signal_number;
	(void)!write(event, &(uint64_t){1}, sizeof(uint64_t));
}

int main(void)
{
	fixture_begin();
	pid_t child = fixture_fork();
	if (child == 0) {
		struct epoll_event got, want = {.events = EPOLLIN};
		int set = epoll_create1(0);
		event = eventfd(0, 0);
		MUST(epoll_ctl(set, EPOLL_CTL_ADD, event, &want) == 0);
		sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL);
		while (epoll_wait(set, &got, 1, -1) < 0 && errno == EINTR)
			;
		_exit(0);
	}
	fixture_sleep(LOOKALIKE_S);
	kill(child, SIGTERM);
	return fixture_wait(child);
}
