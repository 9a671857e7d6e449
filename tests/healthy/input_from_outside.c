/* EXPECT: verdict=none
 * STDIN: slow
 * A filter that waits for its input; who will write it is not of the tree. */
#include "fixture.h"

int main(void)
{
	char c;
	fixture_begin();
	pid_t child = fixture_fork();
	if (child == 0) {
		MUST(read(0, &c, 1) == 1);
		_exit(0);
	}
	return fixture_wait(child);
}
