/* EXPECT: verdict=none
 * MODES: launched guarded
 * An alarm survives an exec: the program that waits for itself has never set one, and catches no signal. */
#include "fixture.h"

int main(int argc, char **argv)
{
	int ends[2];
	char c;
	fixture_begin();
	if (argc > 1) {
		MUST(pipe(ends) == 0);
		return (int)read(ends[0], &c, 1);
	}
	pid_t child = fixture_fork();
	if (child == 0) {
		alarm(2);
		execl("/proc/self/exe", argv[0], "again", NULL);
		_exit(1);
	}
	return fixture_wait(child) != 128 + SIGALRM;
}
