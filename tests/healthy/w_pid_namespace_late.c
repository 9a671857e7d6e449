/* EXPECT: verdict=none
 * In a PID namespace of its own: a child with an inherited mutex whose holder, of the same number, gives it back there. */
#include <sched.h>

#include "fixture.h"

int main(void)
{
	fixture_begin();
	if (unshare(CLONE_NEWPID) != 0)
		return 0;
	pid_t child = fixture_fork();
	if (child == 0) {
		int ends[2];
		char c;
		MUST(pipe(ends) == 0);
		if (fork() == 0) {
			fixture_sleep(LOOKALIKE_S);
			_exit(0);
		}
		close(ends[1]);
		MUST(read(ends[0], &c, 1) == 0 && wait(NULL) > 0);
		_exit(0);
	}
	return fixture_wait(child);
}
