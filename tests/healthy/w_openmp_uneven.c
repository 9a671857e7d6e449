/* EXPECT: verdict=none
 * BUILD: -fopenmp
 * One thread of a team takes long; the others wait at the barrier. */
#include "fixture.h"

int main(void)
{
	fixture_begin();
#pragma omp parallel num_threads(3)
	{
#pragma omp for schedule(static, 1)
		for (int i = 0; i < 3; i++)
			fixture_sleep(i * 0.6);
	}
	return 0;
}
