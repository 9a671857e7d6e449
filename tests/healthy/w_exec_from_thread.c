/* EXPECT: verdict=none
 * A thread execs while the others wait for each other: the new program is healthy and takes its time. */
#include "fixture.h"

static char **self;
static sem_t never;

static void *exec_again(void *arg)
{
	(void)arg;
	fixture_sleep(0.3);
	execl(self[0], self[0], "again", NULL);
	_exit(99);
}

static void *wait_for_ever(void *arg)
{
	sem_wait(&never);
	return arg;
}

int main(int argc, char **argv)
{
	self = argv;
	fixture_begin();
	if (argc == 1) {
		sem_init(&never, 0, 0);
		fixture_thread(wait_for_ever, NULL);
		fixture_thread(exec_again, NULL);
		wait_for_ever(NULL);
	}
	fixture_sleep(LOOKALIKE_S);
	return 0;
}
