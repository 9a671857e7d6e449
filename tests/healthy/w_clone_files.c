/* EXPECT: verdict=none
 * A process that shares the table of descriptors, but no memory, closes the last writing end late. */
#include <sched.h>
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	int ends[2], status;
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	long child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fixture_sleep(LOOKALIKE_S);
		close(ends[1]);
		_exit(0);
	}
	MUST(read(ends[0], &c, 1) == 0);
	MUST(waitpid((pid_t)child, &status, 0) == child);
	return status;
}
