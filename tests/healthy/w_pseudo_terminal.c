/* EXPECT: verdict=none
 * Reads a pseudo terminal whose other side types late. */
#include <pty.h>

#include "fixture.h"

int main(void)
{
	int master, slave;
	char line[8];
	fixture_begin();
	MUST(openpty(&master, &slave, NULL, NULL, NULL) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(write(master, "x\n", 2) == 2);
		fixture_sleep(0.1);
		_exit(0);
	}
	MUST(read(slave, line, sizeof(line)) == 2);
	return fixture_wait(child);
}
