/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=file-lock|pipe
 * SIGHT: all
 * The parent holds a POSIX file lock and waits for a line from the child, who waits for the lock.  The kernel sees no
 * circle of locks here. */
#include "fixture.h"

int main(void)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[4096], c;
	int ends[2];
	fixture_begin();
	snprintf(path, sizeof(path), "%s/lock", getenv("FIXTURE_DIR"));
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	MUST(file >= 0 && pipe(ends) == 0 && fcntl(file, F_SETLKW, &all) == 0);
	if (fixture_fork() == 0) {
		MUST(fcntl(file, F_SETLKW, &all) == 0);
		MUST(write(ends[1], "x", 1) == 1);
		_exit(0);
	}
	close(ends[1]);
	return (int)read(ends[0], &c, 1) * 0;
}
