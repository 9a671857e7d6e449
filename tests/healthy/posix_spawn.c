/* EXPECT: verdict=none
 * Waits for a spawned command that sleeps. */
#include <spawn.h>

#include "fixture.h"

extern char **environ;

int main(void)
{
	pid_t child;
	char *argv[] = {(char[]){"sleep"}, (char[]){"1.2"}, NULL};
	fixture_begin();
	MUST(posix_spawnp(&child, "sleep", NULL, NULL, argv, environ) == 0);
	return fixture_wait(child);
}
