/* EXPECT: verdict=none
 * Polls forty pipes without a limit; the last one has a writer that comes. */
#include <poll.h>

#include "fixture.h"

enum { PIPES = 40 };

int main(void)
{
	int ends[PIPES][2];
	struct pollfd fds[PIPES];
	fixture_begin();
	for (int i = 0; i < PIPES; i++) {
		MUST(pipe(ends[i]) == 0);
		fds[i] = (struct pollfd){.fd = ends[i][0], .events = POLLIN};
	}
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(write(ends[PIPES - 1][1], "x", 1) == 1);
		_exit(0);
	}
	MUST(poll(fds, PIPES, -1) == 1);
	return fixture_wait(child);
}
