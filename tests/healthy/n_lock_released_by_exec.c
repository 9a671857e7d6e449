/* EXPECT: verdict=none
 * The holder of a lock will never unlock or close it: it runs another program, and the descriptor is not passed on. */
#include <sys/file.h>

#include "fixture.h"

int main(void)
{
	char path[4096];
	int *taken = fixture_shared(sizeof(*taken));
	fixture_begin();
	snprintf(path, sizeof(path), "%s/locked", getenv("FIXTURE_DIR"));
	pid_t holder = fixture_fork();
	if (holder == 0) {
		MUST(flock(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), LOCK_EX) == 0);
		__atomic_store_n(taken, 1, __ATOMIC_RELEASE);
		fixture_sleep(LOOKALIKE_S);
		execl("/bin/sleep", "sleep", "0.3", NULL);
		_exit(1);
	}
	while (__atomic_load_n(taken, __ATOMIC_ACQUIRE) == 0)
		usleep(1000);
	MUST(flock(open(path, O_RDWR), LOCK_EX) == 0);
	return fixture_wait(holder);
}
