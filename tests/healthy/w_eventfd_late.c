/* EXPECT: verdict=none
 * A thread counts the eventfd up after a sleep; another process holds it too. */
#include <sys/eventfd.h>

#include "fixture.h"

int main(void)
{
	uint64_t n = 1;
	fixture_begin();
	int fd = eventfd(0, 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(write(fd, &n, sizeof(n)) == sizeof(n));
		_exit(0);
	}
	MUST(read(fd, &n, sizeof(n)) == sizeof(n));
	return fixture_wait(child);
}
