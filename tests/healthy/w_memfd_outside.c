/* EXPECT: verdict=none
 * OUTSIDE: self poster
 * A semaphore in a memfd whose descriptor went to a process outside through a socket; that one maps it and posts late. */
#include "outside.h"

static int poster(void)
{
	int fd = outside_take();
	sem_t *sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	fixture_sleep(LOOKALIKE_S);
	return sem_post(sem);
}

int main(int argc, char **argv)
{
	(void)argv;
	fixture_begin();
	if (argc > 1)
		return poster();
	int fd = memfd_create("given", 0);
	MUST(ftruncate(fd, 4096) == 0);
	sem_t *sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(sem_init(sem, 1, 0) == 0);
	outside_give(fd);
	MUST(sem_wait(sem) == 0);
	return 0;
}
