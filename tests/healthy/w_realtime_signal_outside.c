/* EXPECT: verdict=none
 * OUTSIDE: sh -c "until [ -p $FIXTURE_DIR/line ]; do sleep 0.05; done; sleep 1; echo x >$FIXTURE_DIR/line"
 * A descriptor sends a real-time signal when somebody outside writes; its handler posts what the only thread waits for. */
#include <sys/stat.h>

#include "fixture.h"

static sem_t sem;

static void on_io(int sig)
{
	(void)sig;
	sem_post(&sem);
}

int main(void)
{
	char path[4096];
	fixture_begin();
	sem_init(&sem, 0, 0);
	signal(SIGRTMIN + 3, on_io);
	snprintf(path, sizeof(path), "%s/line", getenv("FIXTURE_DIR"));
	MUST(mkfifo(path, 0600) == 0);
	int fd = open(path, O_RDWR | O_NONBLOCK);
	MUST(fcntl(fd, F_SETSIG, SIGRTMIN + 3) == 0);
	MUST(fcntl(fd, F_SETOWN, getpid()) == 0 && fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC) == 0);
	while (sem_wait(&sem) != 0)
		;
	return 0;
}
