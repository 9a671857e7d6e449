/* EXPECT: verdict=none
 * BUILD: -fopenmp
 * Idle workers of a healthy OpenMP team stand in the same wait as the stuck child of hung/openmp_after_fork. */
#include "fixture.h"

static int sum(void)
{
	int total = 0;
#pragma omp parallel for num_threads(4) reduction(+ : total)
	for (int i = 0; i < 1000; i++)
		total += i & 1;
	return total;
}

int main(void)
{
	fixture_begin();
	MUST(sum() == 500);
	fixture_sleep(LOOKALIKE_S);
	return sum() != 500;
}
