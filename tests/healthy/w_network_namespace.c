/* EXPECT: verdict=none
 * A socket pair across network namespaces, whose other end answers late. */
#include <sched.h>
#include <sys/socket.h>

#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		close(ends[0]);
		if (unshare(CLONE_NEWNET) != 0)
			fprintf(stderr, "no network namespace\n");
		fixture_sleep(LOOKALIKE_S);
		MUST(write(ends[1], "x", 1) == 1);
		_exit(0);
	}
	close(ends[1]);
	MUST(read(ends[0], &c, 1) == 1);
	return fixture_wait(child);
}
