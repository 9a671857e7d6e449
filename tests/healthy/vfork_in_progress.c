/* EXPECT: verdict=none
 * A parent is suspended in vfork while its child takes its time before exec. */
#include "fixture.h"

int main(void)
{
	fixture_begin();
	pid_t child = vfork();
	if (child == 0) {
		struct timespec t = {1, 200000000};
		nanosleep(&t, NULL);
		execlp("true", "true", (char *)NULL);
		_exit(1);
	}
	return fixture_wait(child);
}
