/* EXPECT: verdict=none
 * Waits for a POSIX lock and an open-file-description lock whose holder sleeps. */
#include "fixture.h"

int main(void)
{
	struct flock head = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
	struct flock tail = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10};
	char path[4096];
	int ready[2];
	fixture_begin();
	snprintf(path, sizeof(path), "%s/lock", getenv("FIXTURE_DIR"));
	MUST(pipe(ready) == 0);
	pid_t child = fixture_fork();
	int file = open(path, O_RDWR | O_CREAT, 0600);
	if (child == 0) {
		MUST(fcntl(file, F_SETLKW, &head) == 0 && fcntl(file, F_OFD_SETLKW, &tail) == 0);
		MUST(write(ready[1], "x", 1) == 1);
		fixture_sleep(0.6);
		head.l_type = F_UNLCK;
		MUST(fcntl(file, F_SETLK, &head) == 0);
		fixture_sleep(0.6);
		_exit(0);
	}
	char c;
	MUST(read(ready[0], &c, 1) == 1);
	MUST(fcntl(file, F_SETLKW, &head) == 0 && fcntl(file, F_OFD_SETLKW, &tail) == 0);
	return fixture_wait(child);
}
