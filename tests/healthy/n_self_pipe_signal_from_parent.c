/* EXPECT: verdict=none
 * The self-pipe trick: a worker reads a pipe of which it alone has both ends; the handler of SIGHUP writes to it.  Its
 * parent, asleep now, will send that signal. */
#include "fixture.h"

static int ends[2];

static void on_signal(int signal_number)
{
	(void)signal_number;
	(void)!write(ends[1], "x", 1);
}

int main(void)
{
	char c;
	fixture_begin();
	pid_t child = fixture_fork();
	if (child == 0) {
		MUST(pipe(ends) == 0);
		sigaction(SIGHUP, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL);
		_exit(read(ends[0], &c, 1) != 1);
	}
	fixture_sleep(LOOKALIKE_S);
	kill(child, SIGHUP);
	return fixture_wait(child);
}
