/* EXPECT: verdict=none
 * A session leader waits on a pipe of its own; its terminal, whose master its parent has, is closed, and the handler of
 * SIGHUP writes to the pipe. */
#include <sys/ioctl.h>

#include "fixture.h"

static int ends[2];

static void on_signal(int signal_number)
{
	(void)signal_number;
	(void)!write(ends[1], "x", 1);
}

int main(void)
{
	char c, name[64];
	fixture_begin();
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	MUST(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof(name)) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		close(master);
		sigaction(SIGHUP, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL);
		MUST(setsid() > 0 && pipe(ends) == 0);
		int slave = open(name, O_RDWR);
		MUST(slave >= 0);
		MUST(ioctl(slave, TIOCSCTTY, 0) == 0 || errno == EPERM);
		_exit(read(ends[0], &c, 1) != 1);
	}
	fixture_sleep(LOOKALIKE_S);
	close(master);
	return fixture_wait(child);
}
