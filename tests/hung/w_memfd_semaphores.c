/* EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=semaphore|futex
 * SIGHT: all
 * Two processes wait on two semaphores in a memfd that only they have. */
#include "fixture.h"

int main(void)
{
	fixture_begin();
	int fd = memfd_create("semaphores", 0);
	MUST(fd >= 0 && ftruncate(fd, 4096) == 0);
	sem_t *sems = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	sem_init(&sems[0], 1, 0), sem_init(&sems[1], 1, 0);
	sem_wait(&sems[fixture_fork() == 0]);
	return 0;
}
