/* EXPECT: verdict=deadlock cause=no-waker|wait-cycle certainty=proven scope=process
 * Two processes with one memory, each waiting for the other to post. */
#include <sched.h>

#include "fixture.h"

static sem_t sems[2];
static char stack[64 << 10];

static int other(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (sem_wait(&sems[1]) != 0)
		;
	sem_post(&sems[0]);
	return 0;
}

int main(void)
{
	fixture_begin();
	sem_init(&sems[0], 0, 0), sem_init(&sems[1], 0, 0);
	MUST(clone(other, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL) > 0);
	while (sem_wait(&sems[0]) != 0)
		;
	return 0;
}
