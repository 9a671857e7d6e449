/* EXPECT: verdict=none
 * OUTSIDE: self outside
 * Waits for a POSIX record lock that a process outside the tree holds. */
#include "fixture.h"

int main(int argc, char *argv[])
{
	char path[4096], ready[4096];
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	fixture_begin();
	(void)argv;
	snprintf(path, sizeof(path), "%s/lock", getenv("FIXTURE_DIR"));
	snprintf(ready, sizeof(ready), "%s/ready", getenv("FIXTURE_DIR"));
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	MUST(fd >= 0);
	if (argc > 1) {
		MUST(fcntl(fd, F_SETLKW, &whole) == 0);
		close(open(ready, O_CREAT | O_WRONLY, 0600));
		fixture_sleep(LOOKALIKE_S);
		return 0;
	}
	while (access(ready, F_OK) != 0)
		fixture_sleep(0.01);
	return fcntl(fd, F_SETLKW, &whole);
}
