/* EXPECT: verdict=deadlock cause=wait-cycle|lock-cycle certainty=proven|owned scope=process kind=file-lock
 * SIGHT: all
 * Two processes lock two files in opposite order. */
#include <sys/file.h>

#include "fixture.h"

static int open_unlinked(char *name)
{
	int fd = mkstemp(name);
	MUST(fd >= 0);
	return fd;
}

int main(void)
{
	char a[] = "/tmp/hangdog-fixture-XXXXXX", b[] = "/tmp/hangdog-fixture-XXXXXX";
	fixture_begin();
	close(open_unlinked(a));
	close(open_unlinked(b));
	pthread_barrier_t *both = fixture_shared(sizeof(*both));
	pthread_barrierattr_t attr;
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(both, &attr, 2);
	bool me = fixture_fork() == 0;
	int mine = open(me ? a : b, O_RDWR), yours = open(me ? b : a, O_RDWR);
	MUST(flock(mine, LOCK_EX) == 0);
	pthread_barrier_wait(both);
	unlink(me ? a : b);
	return flock(yours, LOCK_EX);
}
