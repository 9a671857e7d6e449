/* EXPECT: verdict=none
 * The process that will write is stopped, as by Ctrl-Z, and continued later by a sleeping one. */
#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t writer = fixture_fork();
	if (writer == 0) {
		close(ends[0]);
		raise(SIGSTOP);
		MUST(write(ends[1], "x", 1) == 1);
		_exit(0);
	}
	pid_t friend = fixture_fork();
	if (friend == 0) {
		close(ends[0]), close(ends[1]);
		fixture_sleep(LOOKALIKE_S);
		kill(writer, SIGCONT);
		_exit(0);
	}
	close(ends[1]);
	MUST(read(ends[0], &c, 1) == 1);
	return fixture_wait(writer) + fixture_wait(friend);
}
