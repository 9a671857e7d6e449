/* EXPECT: verdict=none
 * OUTSIDE: sleep 1.2; : > $FIXTURE_DIR/made-outside
 * F_NOTIFY on a directory, with a signal of one's own choice: a process outside makes a file there. */
#include "fixture.h"

static sem_t slot;

static void on_signal(int signal_number)
{
	(void)signal_number;
	sem_post(&slot);
}

int main(void)
{
	fixture_begin();
	int fd = open(getenv("FIXTURE_DIR"), O_RDONLY | O_DIRECTORY);
	sem_init(&slot, 0, 0);
	sigaction(SIGRTMIN + 3, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL);
	if (fcntl(fd, F_SETSIG, SIGRTMIN + 3) != 0 || fcntl(fd, F_NOTIFY, DN_CREATE) != 0)
		return 0; /* this kernel was built without */
	while (sem_wait(&slot) != 0)
		;
	return 0;
}
