/* EXPECT: verdict=none
 * Waits for any child, as a subreaper; the one that ends last was born by a process that has ended. */
#include "fixture.h"

int main(void)
{
	fixture_begin();
	MUST(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	if (fork() == 0) {
		if (fork() == 0) {
			fixture_sleep(LOOKALIKE_S);
			_exit(0);
		}
		_exit(0);
	}
	int ended = 0;
	while (wait(NULL) > 0)
		ended++;
	return ended != 2;
}
