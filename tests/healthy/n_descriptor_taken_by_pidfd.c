/* EXPECT: verdict=none
 * A parent with a pidfd of its child takes, later, a copy of the child's own writing end out of it (pidfd_getfd). */
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	int *number = fixture_shared(sizeof(*number)), ends[2];
	char c;
	fixture_begin();
	pid_t child = fixture_fork();
	if (child == 0) {
		MUST(pipe(ends) == 0);
		__atomic_store_n(number, ends[1], __ATOMIC_RELEASE);
		_exit(read(ends[0], &c, 1) != 1);
	}
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	MUST(pidfd >= 0);
	fixture_sleep(LOOKALIKE_S);
	int copy = (int)syscall(SYS_pidfd_getfd, pidfd, *number, 0);
	if (copy < 0)
		kill(child, SIGKILL); /* not permitted here */
	else
		MUST(write(copy, "x", 1) == 1);
	int status = fixture_wait(child);
	return copy < 0 ? 0 : status;
}
