/* EXPECT: verdict=deadlock cause=no-waker|wait-cycle certainty=proven scope=process
 * SIGHT: all
 * A thread with a table of descriptors of its own holds the only writing end, and waits as well. */
#include <sched.h>

#include "fixture.h"

static int ends[2];
static sem_t split, never;

static void *keeper(void *arg)
{
	MUST(unshare(CLONE_FILES) == 0);
	close(ends[0]);
	sem_post(&split);
	sem_wait(&never);
	MUST(write(ends[1], "x", 1) == 1);
	return arg;
}

int main(void)
{
	char c;
	fixture_begin();
	sem_init(&split, 0, 0), sem_init(&never, 0, 0);
	MUST(pipe(ends) == 0);
	fixture_thread(keeper, NULL);
	sem_wait(&split);
	close(ends[1]);
	MUST(read(ends[0], &c, 1) == 1);
	sem_post(&never);
	return 0;
}
