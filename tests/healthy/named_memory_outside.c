/* EXPECT: verdict=none
 * OUTSIDE: self outside
 * Waits on a semaphore in a named file; a process outside the tree, which does not even map it yet, posts later. */
#include "fixture.h"

static sem_t *open_slot(void)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/slot", getenv("FIXTURE_DIR"));
	int fd = open(path, O_RDWR);
	if (fd < 0)
		return NULL;
	sem_t *slot = mmap(NULL, sizeof(*slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(slot != MAP_FAILED);
	close(fd);
	return slot;
}

int main(int argc, char *argv[])
{
	char path[4096], made[4200];
	fixture_begin();
	(void)argv;
	if (argc > 1) {
		sem_t *slot;
		fixture_sleep(LOOKALIKE_S);
		while ((slot = open_slot()) == NULL)
			fixture_sleep(0.01);
		sem_post(slot);
		return 0;
	}
	/* Whole before it has its name. */
	snprintf(path, sizeof(path), "%s/slot", getenv("FIXTURE_DIR"));
	snprintf(made, sizeof(made), "%s.new", path);
	int fd = open(made, O_RDWR | O_CREAT, 0600);
	MUST(fd >= 0 && ftruncate(fd, 4096) == 0);
	sem_t *slot = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(slot != MAP_FAILED && sem_init(slot, 1, 0) == 0);
	close(fd);
	MUST(rename(made, path) == 0);
	sem_wait(slot);
	return 0;
}
