/* EXPECT: verdict=none
 * Only a thread with a table of descriptors of its own has the writing end, and it writes late. */
#include <sched.h>

#include "fixture.h"

static int ends[2];
static sem_t split;

static void *keeper(void *arg)
{
	MUST(unshare(CLONE_FILES) == 0);
	sem_post(&split);
	fixture_sleep(LOOKALIKE_S);
	MUST(write(ends[1], "x", 1) == 1);
	return arg;
}

int main(void)
{
	char c;
	fixture_begin();
	sem_init(&split, 0, 0);
	MUST(pipe(ends) == 0);
	fixture_thread(keeper, NULL);
	sem_wait(&split);
	close(ends[1]);
	MUST(read(ends[0], &c, 1) == 1);
	return 0;
}
