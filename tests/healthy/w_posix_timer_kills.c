/* EXPECT: verdict=none
 * The child waits for its parent and the parent for the child: until the child's timer ends it, which handles no signal. */
#include "fixture.h"

int main(void)
{
	struct itimerspec late = {.it_value = {1, 200000000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	timer_t timer;
	int ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &late, NULL) == 0);
		_exit((int)read(ends[0], &c, 1));
	}
	return fixture_wait(child) != 128 + SIGALRM;
}
