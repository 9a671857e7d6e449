/* EXPECT: verdict=none
 * OUTSIDE: sleep 1.2; f=$FIXTURE_DIR/leased; [ -e $f ] && echo x >> $f
 * A lease on a file: when a process outside opens it, the kernel sends the signal that was chosen for the lease, and the
 * handler posts.  Nothing about the descriptor says that it is to send signals. */
#include <limits.h>

#include "fixture.h"

static sem_t slot;
static int fd;

static void on_signal(int signal_number)
{
	(void)signal_number;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	sem_post(&slot);
}

int main(void)
{
	char path[PATH_MAX];
	fixture_begin();
	snprintf(path, sizeof(path), "%s/leased", getenv("FIXTURE_DIR"));
	fd = open(path, O_RDONLY | O_CREAT, 0600);
	MUST(fd >= 0);
	sem_init(&slot, 0, 0);
	sigaction(SIGRTMIN + 3, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL);
	MUST(fcntl(fd, F_SETSIG, SIGRTMIN + 3) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0);
	while (sem_wait(&slot) != 0)
		;
	return 0;
}
