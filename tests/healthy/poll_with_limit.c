/* EXPECT: verdict=none
 * Two processes poll each other's pipe, one of them with a time limit. */
#include <poll.h>

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
		MUST(read(there[0], &c, 1) == 1);
		_exit(0);
	}
	close(there[0]), close(back[1]);
	struct pollfd one = {.fd = back[0], .events = POLLIN};
	MUST(poll(&one, 1, 1200) == 0);
	MUST(write(there[1], "x", 1) == 1);
	return fixture_wait(child);
}
