/* LLVM's OpenMP: waits on glibc's condition variables; its locks spin and never show as a wait. */
#include "zoo.h"

#include <omp.h>

static volatile int tids[2];

static void omp_barrier(void)
{
#pragma omp parallel num_threads(2)
	{
		int me = omp_get_thread_num();
		tids[me] = zoo_tid();
		if (me == 0) {
			while (tids[1] == 0)
				usleep(100);
			zoo_say("waiter=%d kind=TEAM family=libomp owner=0\n", tids[1]);
			zoo_stay();
		}
#pragma omp barrier
	}
}

static void omp_pool(void)
{
#pragma omp parallel num_threads(2)
	tids[omp_get_thread_num()] = zoo_tid();
	zoo_say("waiter=%d kind=TEAM family=libomp owner=0\n", tids[1]);
}

#define C(name)                                                                                                        \
	{                                                                                                              \
#name, name                                                                                            \
	}
static const struct zoo_case cases[] = {
	C(omp_barrier),
	C(omp_pool),
};

int main(int argc, char **argv)
{
	return zoo_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
