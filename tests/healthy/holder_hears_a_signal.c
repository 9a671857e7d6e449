/* EXPECT: verdict=none
 * The holder of a lock that processes share waits for a pipe, whose only writer waits for that lock.  But the holder
 * handles a signal that its parent will send, and then lets go. */
#include "fixture.h"

static void on_signal(int signal)
{
	(void)signal;
}

static int hold(pthread_mutex_t *lock, const int pipe_ends[2])
{
	struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: read ends with EINTR */
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
	pthread_mutex_lock(lock);
	pid_t writer = fixture_fork();
	if (writer == 0) {
		pthread_mutex_lock(lock);
		pthread_mutex_unlock(lock);
		_exit(0);
	}
	close(pipe_ends[1]);
	char byte;
	MUST(read(pipe_ends[0], &byte, 1) == -1 && errno == EINTR);
	pthread_mutex_unlock(lock);
	return fixture_wait(writer);
}

int main(void)
{
	int pipe_ends[2];
	fixture_begin();
	pthread_mutex_t *lock = fixture_shared_mutex();
	MUST(pipe(pipe_ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0)
		_exit(hold(lock, pipe_ends));
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	fixture_sleep(LOOKALIKE_S);
	kill(child, SIGUSR1);
	return fixture_wait(child);
}
