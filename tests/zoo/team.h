/* The waits of a team that every OpenMP library has.  FAMILY is a string, as hangdog names the library. */
#ifndef ZOO_TEAM_H
#define ZOO_TEAM_H

#include "zoo.h"

#include <omp.h>

#define TEAM_WAITER "waiter=%d kind=TEAM family=" FAMILY " owner=0\n"

static volatile int tids[2];

static void team_barrier(void)
{
#pragma omp parallel num_threads(2)
	{
		int me = omp_get_thread_num();
		tids[me] = zoo_tid();
		if (me == 0) {
			while (tids[1] == 0)
				usleep(100);
			zoo_say(TEAM_WAITER, tids[1]);
			zoo_stay();
		}
#pragma omp barrier
	}
}

/* A pool thread between two parallel regions. */
static void team_pool(void)
{
#pragma omp parallel num_threads(2)
	tids[omp_get_thread_num()] = zoo_tid();
	zoo_say(TEAM_WAITER, tids[1]);
}

#endif
