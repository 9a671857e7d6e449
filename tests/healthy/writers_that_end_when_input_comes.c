/* EXPECT: verdict=none
 * STDIN: steady
 * The parent reads a pipe to its end; the child that holds the other end waits for input from outside, and ends. */
#include "fixture.h"

int main(void)
{
	char c;
	fixture_begin();
	for (int i = 0; i < 60; i++) {
		int ends[2];
		MUST(pipe(ends) == 0);
		pid_t child = fixture_fork();
		if (child == 0) {
			close(ends[0]);
			MUST(read(0, &c, 1) == 1);
			_exit(0);
		}
		close(ends[1]);
		MUST(read(ends[0], &c, 1) == 0);
		close(ends[0]);
		MUST(fixture_wait(child) == 0);
	}
	return 0;
}
