/* EXPECT: verdict=none
 * Waits for a System V semaphore, whose name anybody may use; here a sleeping child. */
#include <sys/ipc.h>
#include <sys/sem.h>

#include "fixture.h"

int main(void)
{
	fixture_begin();
	int id = semget(IPC_PRIVATE, 1, 0600);
	MUST(id >= 0);
	pid_t child = fixture_fork();
	struct sembuf op = {0, child == 0 ? 1 : -1, 0};
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(semop(id, &op, 1) == 0);
		_exit(0);
	}
	MUST(semop(id, &op, 1) == 0);
	semctl(id, 0, IPC_RMID);
	return fixture_wait(child);
}
