/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=pipe
 * SIGHT: all
 * Two processes each wait to read what the other would write. */
#include "fixture.h"

int main(void)
{
	int there[2], back[2];
	char c;
	fixture_begin();
	MUST(pipe(there) == 0 && pipe(back) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		close(there[1]), close(back[0]);
		if (read(there[0], &c, 1) == 1)
			MUST(write(back[1], &c, 1) == 1);
		_exit(0);
	}
	close(there[0]), close(back[1]);
	if (read(back[0], &c, 1) == 1)
		MUST(write(there[1], &c, 1) == 1);
	return fixture_wait(child);
}
