/* EXPECT: verdict=deadlock cause=no-waker|lock-cycle|self-lock certainty=proven|owned scope=process kind=barrier|mutex
 * CC: clang -fopenmp
 * OBJECT: the other threads of an OpenMP team or pool
 * A team of LLVM's OpenMP at its barrier, while one of its threads waits for a mutex that nobody gives back. */
#include <omp.h>

#include "fixture.h"

int main(void)
{
	fixture_begin();
	kmp_set_blocktime(0); /* sleep at once instead of spinning for 200 ms */
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&mutex);
#pragma omp parallel num_threads(3)
	{
		if (omp_get_thread_num() == 0)
			pthread_mutex_lock(&mutex);
#pragma omp barrier
	}
	return 0;
}
