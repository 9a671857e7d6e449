/* EXPECT: verdict=deadlock cause=missing-thread|inherited-lock certainty=proven scope=process kind=barrier
 * OBJECT: the other threads of an OpenMP team or pool
 * BUILD: -fopenmp
 * GNU OpenMP used before the fork and in the child: the team's threads are missing. */
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
	pid_t child = fixture_fork();
	if (child == 0)
		_exit(sum() != 500);
	return fixture_wait(child);
}
