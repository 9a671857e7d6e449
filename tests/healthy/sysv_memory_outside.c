/* EXPECT: verdict=none
 * OUTSIDE: self outside
 * Waits on a semaphore in a System V segment; a process outside the tree attaches it later, by its key. */
#include <sys/ipc.h>
#include <sys/shm.h>

#include "fixture.h"

int main(int argc, char *argv[])
{
	char path[4096];
	int id;
	fixture_begin();
	(void)argv;
	snprintf(path, sizeof(path), "%s/ready", getenv("FIXTURE_DIR"));
	key_t key = ftok(getenv("FIXTURE_DIR"), 'h');
	if (argc > 1) {
		fixture_sleep(LOOKALIKE_S);
		while (access(path, F_OK) != 0)
			fixture_sleep(0.01);
		MUST((id = shmget(key, 4096, 0600)) >= 0);
		sem_post(shmat(id, NULL, 0));
		shmctl(id, IPC_RMID, NULL);
		return 0;
	}
	MUST((id = shmget(key, 4096, IPC_CREAT | 0600)) >= 0);
	sem_t *slot = shmat(id, NULL, 0);
	MUST(slot != (void *)-1 && sem_init(slot, 1, 0) == 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	return sem_wait(slot);
}
