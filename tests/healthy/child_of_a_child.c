/* EXPECT: verdict=none
 * Waits for a child that its child made for it (CLONE_PARENT). */
#include <sys/syscall.h>

#include "fixture.h"

#define CLONE_PARENT 0x8000

int main(void)
{
	fixture_begin();
	pid_t child = fixture_fork();
	if (child == 0) {
		pid_t brother = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (brother == 0)
			fixture_sleep(LOOKALIKE_S);
		_exit(0);
	}
	int ended = 0;
	while (wait(NULL) > 0)
		ended++;
	return ended != 2;
}
