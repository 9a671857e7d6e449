/* EXPECT: verdict=none
 * flock() belongs to the open file: a child that inherited the descriptor can release what its parent locked. */
#include <sys/file.h>

#include "fixture.h"

int main(void)
{
	char path[4096];
	fixture_begin();
	snprintf(path, sizeof(path), "%s/locked", getenv("FIXTURE_DIR"));
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	MUST(flock(fd, LOCK_EX) == 0);
	pid_t other = fixture_fork();
	if (other == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(flock(fd, LOCK_UN) == 0);
		_exit(0);
	}
	pid_t child = fixture_fork();
	if (child == 0) {
		close(fd);
		_exit(flock(open(path, O_RDWR), LOCK_EX) != 0);
	}
	int status = fixture_wait(child);
	fixture_wait(other);
	return status;
}
