/* EXPECT: verdict=none
 * Waits for a file lock whose holder sleeps. */
#include <sys/file.h>

#include "fixture.h"

int main(void)
{
	char path[4096];
	int ends[2];
	char c;
	fixture_begin();
	snprintf(path, sizeof(path), "%s/lock", getenv("FIXTURE_DIR"));
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	MUST(fd >= 0);
	if (child == 0) {
		MUST(flock(fd, LOCK_EX) == 0 && write(ends[1], "x", 1) == 1);
		fixture_sleep(LOOKALIKE_S);
		_exit(0);
	}
	MUST(read(ends[0], &c, 1) == 1 && flock(fd, LOCK_EX) == 0);
	return fixture_wait(child);
}
