/* EXPECT: verdict=none
 * STDIN: steady
 * Two processes pass a shared mutex and two pipes to and fro; each round begins with a byte from outside. */
#include "fixture.h"

int main(void)
{
	int there[2], back[2];
	char c;
	fixture_begin();
	pthread_mutex_t *lock = fixture_shared_mutex();
	MUST(pipe(there) == 0 && pipe(back) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		close(there[1]), close(back[0]);
		while (read(there[0], &c, 1) == 1) {
			pthread_mutex_lock(lock);
			pthread_mutex_unlock(lock);
			MUST(write(back[1], &c, 1) == 1);
		}
		_exit(0);
	}
	close(there[0]), close(back[1]);
	for (int i = 0; i < 60; i++) {
		pthread_mutex_lock(lock);
		MUST(write(there[1], "x", 1) == 1 && read(0, &c, 1) == 1);
		pthread_mutex_unlock(lock);
		MUST(read(back[0], &c, 1) == 1);
	}
	close(there[1]);
	return fixture_wait(child);
}
