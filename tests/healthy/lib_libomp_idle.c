/* EXPECT: verdict=none
 * CC: clang -fopenmp
 * Teams of LLVM's OpenMP that wait at a barrier for a slow thread, and idle between two regions; a copy that computes in
 * parallel too (this runtime repairs itself after a fork). */
#include <omp.h>

#include "fixture.h"

static int work(void)
{
	int sum = 0;
#pragma omp parallel num_threads(3) reduction(+ : sum)
	{
		if (omp_get_thread_num() == 1)
			fixture_sleep(0.6);
#pragma omp barrier
		sum += 1;
	}
	return sum;
}

int main(void)
{
	fixture_begin();
	MUST(work() == 3);
	fixture_sleep(0.6);
	pid_t child = fixture_fork();
	if (child == 0)
		_exit(work() == 3 ? 0 : 1);
	return fixture_wait(child);
}
