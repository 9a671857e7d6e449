/* EXPECT: verdict=none
 * A poll with a limit, a timed futex wait and a sleep, each stopped and continued in the middle: restarted calls. */
#include <poll.h>

#include "fixture.h"

static void *timed_wait(void *arg)
{
	sem_t never;
	struct timespec end;
	sem_init(&never, 0, 0);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 2;
	while (sem_timedwait(&never, &end) != 0 && errno == EINTR)
		;
	return arg;
}

int main(void)
{
	int ends[2];
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		pthread_t other = fixture_thread(timed_wait, NULL);
		struct pollfd fd = {.fd = ends[0], .events = POLLIN};
		MUST(poll(&fd, 1, 2000) == 0);
		pthread_join(other, NULL);
		_exit(0);
	}
	fixture_sleep(0.5);
	kill(child, SIGSTOP);
	fixture_sleep(0.5);
	kill(child, SIGCONT);
	return fixture_wait(child);
}
