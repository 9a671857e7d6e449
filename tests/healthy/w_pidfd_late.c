/* EXPECT: verdict=none
 * Polls a pidfd of a process that sleeps and ends; waits for a grandchild through a pipe that closes with it. */
#include <poll.h>
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		if (fork() == 0) {
			fixture_sleep(1.5 * LOOKALIKE_S);
			_exit(0);
		}
		fixture_sleep(LOOKALIKE_S / 2);
		_exit(0);
	}
	close(ends[1]);
	struct pollfd fd = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
	MUST(fd.fd >= 0 && poll(&fd, 1, -1) == 1);
	MUST(read(ends[0], &c, 1) == 0);
	return fixture_wait(child);
}
