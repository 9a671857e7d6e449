/* EXPECT: verdict=none
 * A semaphore in a memfd: the child that will post it does not even have it mapped while it sleeps. */
#include "fixture.h"

int main(void)
{
	fixture_begin();
	int fd = memfd_create("late", 0);
	MUST(fd >= 0 && ftruncate(fd, 4096) == 0);
	sem_t *before = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(sem_init(before, 1, 0) == 0 && munmap(before, 4096) == 0);
	pid_t child = fixture_fork();
	if (child == 0)
		fixture_sleep(LOOKALIKE_S);
	sem_t *sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (child == 0) {
		MUST(sem_post(sem) == 0);
		_exit(0);
	}
	close(fd);
	MUST(sem_wait(sem) == 0);
	return fixture_wait(child);
}
