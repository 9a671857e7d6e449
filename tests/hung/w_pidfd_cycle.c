/* EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process
 * SIGHT: all
 * Polls a pidfd for the end of a child that waits for a line from its parent. */
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
	if (child == 0)
		_exit((int)read(ends[0], &c, 1));
	struct pollfd fd = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
	MUST(fd.fd >= 0);
	return poll(&fd, 1, -1) * 0;
}
