/* EXPECT: verdict=deadlock cause=wait-cycle|lock-cycle|no-waker certainty=proven|owned scope=process kind=file-lock
 * SIGHT: all
 * Two processes lock two files in opposite order, by locks that belong to open descriptions: the kernel's list says -1 for
 * who has them. */
#include "fixture.h"

static int lock(int file)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return fcntl(file, F_OFD_SETLKW, &all);
}

int main(void)
{
	char path[2][4096];
	fixture_begin();
	for (int i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/lock%d", getenv("FIXTURE_DIR"), i);
		MUST(close(open(path[i], O_RDWR | O_CREAT, 0600)) == 0);
	}
	pthread_barrier_t *both = fixture_shared(sizeof(*both));
	pthread_barrierattr_t attr;
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(both, &attr, 2);
	int me = fixture_fork() == 0;
	int mine = open(path[me], O_RDWR | O_CLOEXEC), yours = open(path[!me], O_RDWR | O_CLOEXEC);
	MUST(mine >= 0 && yours >= 0 && lock(mine) == 0);
	pthread_barrier_wait(both);
	return lock(yours);
}
