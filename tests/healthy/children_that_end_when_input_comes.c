/* EXPECT: verdict=none
 * STDIN: steady
 * Child after child reads one byte that comes from outside, and ends.  Each looks stuck until it ends, so that a look is
 * often under way at the very end, which the waiting parent has not noticed yet. */
#include "fixture.h"

int main(void)
{
	char c;
	fixture_begin();
	for (int i = 0; i < 60; i++) {
		pid_t child = fixture_fork();
		if (child == 0) {
			MUST(read(0, &c, 1) == 1);
			_exit(0);
		}
		MUST(fixture_wait(child) == 0);
	}
	return 0;
}
