/* EXPECT: verdict=none
 * A record lock goes when any holder of the table of descriptors closes any descriptor of the file.  The one that locked
 * waits for its child, which wants the lock; a clone that shares the table (not the memory) will close it. */
#include <sched.h>
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[4096];
	int *go = fixture_shared(sizeof(*go));
	fixture_begin();
	snprintf(path, sizeof(path), "%s/locked", getenv("FIXTURE_DIR"));
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	pid_t child = fixture_fork();
	if (child == 0) {
		while (__atomic_load_n(go, __ATOMIC_ACQUIRE) == 0)
			usleep(1000);
		_exit(fcntl(fd, F_SETLKW, &lock) != 0);
	}
	MUST(fcntl(fd, F_SETLK, &lock) == 0);
	pid_t other = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (other == 0) {
		fixture_begin();
		fixture_sleep(LOOKALIKE_S);
		close(open(path, O_RDONLY));
		_exit(0);
	}
	__atomic_store_n(go, 1, __ATOMIC_RELEASE);
	int status = fixture_wait(child);
	fixture_wait(other);
	return status;
}
