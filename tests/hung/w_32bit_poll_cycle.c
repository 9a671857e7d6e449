/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=poll|pipe
 * TRY: -m32 -isystem /usr/include/x86_64-linux-gnu
 * SIGHT: all
 * Programs of 32 bits: the parent polls the child's pipe, the child selects on the parent's. */
#include <poll.h>
#include <sys/select.h>

#include "fixture.h"

int main(void)
{
	int up[2], down[2];
	fixture_begin();
	MUST(pipe(up) == 0 && pipe(down) == 0);
	if (fixture_fork() == 0) {
		fd_set set;
		close(up[0]);
		close(down[1]);
		FD_ZERO(&set);
		FD_SET(down[0], &set);
		MUST(select(down[0] + 1, &set, NULL, NULL, NULL) == 1);
		MUST(write(up[1], "x", 1) == 1);
		_exit(0);
	}
	close(up[1]);
	close(down[0]);
	struct pollfd wait = {.fd = up[0], .events = POLLIN};
	return poll(&wait, 1, -1) * 0;
}
