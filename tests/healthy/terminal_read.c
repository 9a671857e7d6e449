/* EXPECT: verdict=none
 * BUILD: -lutil
 * Reads a terminal: somebody may type.  (Here it is the parent, asleep, at the other side.) */
#include <pty.h>

#include "fixture.h"

int main(void)
{
	int outer, inner;
	char line[16];
	fixture_begin();
	MUST(openpty(&outer, &inner, NULL, NULL, NULL) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		close(outer);
		MUST(read(inner, line, sizeof(line)) > 0);
		_exit(0);
	}
	close(inner);
	fixture_sleep(LOOKALIKE_S);
	MUST(write(outer, "x\n", 2) == 2);
	return fixture_wait(child);
}
