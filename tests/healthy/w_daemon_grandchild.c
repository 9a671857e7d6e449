/* EXPECT: verdict=none
 * A daemon that left the family by a double fork holds the other end of the pipe. */
#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		setsid();
		if (fork() == 0) {
			fixture_sleep(LOOKALIKE_S);
			MUST(write(ends[1], "x", 1) == 1);
			_exit(0);
		}
		_exit(0);
	}
	MUST(fixture_wait(child) == 0);
	close(ends[1]);
	MUST(read(ends[0], &c, 1) == 1);
	return 0;
}
