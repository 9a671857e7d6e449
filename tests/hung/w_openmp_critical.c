/* EXPECT: verdict=deadlock cause=lock-cycle|no-waker|self-lock certainty=proven|owned scope=process
 * OBJECT: an OpenMP lock
 * BUILD: -fopenmp
 * Two OpenMP locks taken crosswise by the two threads of a team. */
#include <omp.h>

#include "fixture.h"

int main(void)
{
	omp_lock_t locks[2];
	fixture_begin();
	omp_init_lock(&locks[0]), omp_init_lock(&locks[1]);
#pragma omp parallel num_threads(2)
	{
		int mine = omp_get_thread_num();
		omp_set_lock(&locks[mine]);
#pragma omp barrier
		omp_set_lock(&locks[!mine]);
	}
	return 0;
}
