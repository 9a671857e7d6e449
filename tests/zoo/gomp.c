/* libgomp: locks and the waits of a team. */
#define FAMILY "libgomp"
#include "team.h"

static omp_lock_t lock;
static omp_nest_lock_t nest_lock;

static void *set_lock(void *arg)
{
	omp_set_lock(&lock);
	return arg;
}

static void *set_nest_lock(void *arg)
{
	omp_set_nest_lock(&nest_lock);
	return arg;
}

static void *critical(void *arg)
{
#pragma omp critical(zoo)
	zoo_stay();
	return arg;
}

static void team_lock(void)
{
	omp_init_lock(&lock);
	omp_set_lock(&lock);
	zoo_say("waiter=%d kind=MUTEX family=libgomp base=%p owner=0 held=1 api=omp_set_lock\n",
		zoo_thread(set_lock, NULL), (void *)&lock);
}

static void team_nest_lock(void)
{
	omp_init_nest_lock(&nest_lock);
	omp_set_nest_lock(&nest_lock);
	zoo_say("waiter=%d kind=MUTEX family=libgomp base=%p owner=0 held=1\n", zoo_thread(set_nest_lock, NULL),
		(void *)&nest_lock);
}

static void team_critical(void)
{
	zoo_wait_asleep(zoo_thread(critical, NULL));
	zoo_say("waiter=%d kind=MUTEX family=libgomp owner=0 held=1\n", zoo_thread(critical, NULL));
}

/* The classic: a region in the parent, fork, a region in the child, whose pool threads do not exist. */
static void team_forked(void)
{
#pragma omp parallel num_threads(2)
	tids[omp_get_thread_num()] = zoo_tid();
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(60);
		zoo_say("pid=%d waiter=%d kind=TEAM family=libgomp owner=0 api=GOMP_parallel\n", getpid(), zoo_tid());
#pragma omp parallel num_threads(2)
		tids[omp_get_thread_num()] = zoo_tid();
		zoo_stay(); /* no tail call: that would hide the name */
	}
}

#define C(name)                                                                                                        \
	{                                                                                                              \
#name, name                                                                                            \
	}
static const struct zoo_case cases[] = {
	C(team_lock), C(team_nest_lock), C(team_critical), C(team_barrier), C(team_pool), C(team_forked),
};

int main(int argc, char **argv)
{
	return zoo_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
