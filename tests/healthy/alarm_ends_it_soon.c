/* EXPECT: verdict=none
 * MODES: launched guarded
 * Looks like hung/alarm_that_ends_it_late, but the alarm comes within the time that is waited for. */
#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		alarm(2);
		_exit((int)read(ends[0], &c, 1));
	}
	return fixture_wait(child) != 128 + SIGALRM;
}
