/* EXPECT: verdict=none
 * Two descriptions of a file in one process, one of them shared with a child that sleeps and then closes the last copy of
 * it: only then its lock is gone. */
#include "fixture.h"

int main(void)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[4096];
	fixture_begin();
	snprintf(path, sizeof(path), "%s/lock", getenv("FIXTURE_DIR"));
	int locked = open(path, O_RDWR | O_CREAT, 0600), other = open(path, O_RDWR);
	MUST(locked >= 0 && other >= 0 && fcntl(locked, F_OFD_SETLKW, &all) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(0.8);
		_exit(0);
	}
	close(locked);
	MUST(fcntl(other, F_OFD_SETLKW, &all) == 0);
	return fixture_wait(child);
}
