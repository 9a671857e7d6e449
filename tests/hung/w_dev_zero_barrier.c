/* EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=barrier|futex
 * SIGHT: all
 * Two of three who should come to a barrier in memory of /dev/zero have come; there is no third. */
#include "fixture.h"

int main(void)
{
	pthread_barrierattr_t attr;
	fixture_begin();
	int fd = open("/dev/zero", O_RDWR);
	pthread_barrier_t *barrier = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(barrier != MAP_FAILED);
	close(fd);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	MUST(pthread_barrier_init(barrier, &attr, 3) == 0);
	fixture_fork();
	pthread_barrier_wait(barrier);
	return 0;
}
