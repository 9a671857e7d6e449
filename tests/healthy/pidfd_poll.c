/* EXPECT: verdict=none
 * An event loop waits, with no time limit, for the end of a sleeping child by its pidfd. */
#include <poll.h>
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	fixture_begin();
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		_exit(0);
	}
	struct pollfd one = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
	MUST(one.fd >= 0 && poll(&one, 1, -1) == 1);
	return fixture_wait(child);
}
