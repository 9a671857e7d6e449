/* EXPECT: verdict=deadlock cause=no-waker|wait-cycle certainty=proven scope=process kind=pipe
 * SIGHT: all
 * Reads to the end of a pipe and forgot that it holds the other end itself. */
#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		MUST(write(ends[1], "x", 1) == 1);
		_exit(0);
	}
	fixture_wait(child);
	while (read(ends[0], &c, 1) == 1)
		;
	return 0;
}
