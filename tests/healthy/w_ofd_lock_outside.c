/* EXPECT: verdict=none
 * OUTSIDE: self outside
 * Two processes wait for each other through a lock of an open description and a pipe; the lock is held by a process outside
 * that will give it back. */
#include "fixture.h"

int main(int argc, char **argv)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[4096], mark[4096 + 8];
	fixture_begin();
	snprintf(path, sizeof(path), "%s/lock", getenv("FIXTURE_DIR"));
	snprintf(mark, sizeof(mark), "%s.taken", path);
	int file = open(path, O_RDWR | O_CREAT, 0600);
	MUST(file >= 0);
	if (argc > 1) {
		MUST(fcntl(file, F_OFD_SETLKW, &all) == 0 && close(open(mark, O_RDWR | O_CREAT, 0600)) == 0);
		fixture_sleep(1.2);
		return argv[1][0] != 'o';
	}
	while (access(mark, F_OK) != 0)
		fixture_sleep(0.02);
	return fcntl(file, F_OFD_SETLKW, &all);
}
