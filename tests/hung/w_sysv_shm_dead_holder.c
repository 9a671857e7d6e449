/* EXPECT: verdict=deadlock cause=dead-holder certainty=owned scope=process kind=mutex
 * A mutex in System V shared memory, to which anybody could attach: its holder was killed, so nobody will release it. */
#include <sys/shm.h>

#include "fixture.h"

int main(void)
{
	pthread_mutexattr_t attr;
	int status;
	fixture_begin();
	int id = shmget(IPC_PRIVATE, 4096, 0600);
	pthread_mutex_t *mutex = shmat(id, NULL, 0);
	MUST(id >= 0 && mutex != (void *)-1 && shmctl(id, IPC_RMID, NULL) == 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(mutex, &attr);
	pid_t child = fixture_fork();
	if (child == 0) {
		pthread_mutex_lock(mutex);
		raise(SIGKILL);
	}
	MUST(waitpid(child, &status, 0) == child);
	pthread_mutex_lock(mutex);
	return 0;
}
