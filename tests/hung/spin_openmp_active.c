/* EXPECT: verdict=stall cause=unknown certainty=suspected
 * BUILD: -fopenmp
 * MODES: launched
 * STALL: 4
 * SPINS: 2
 * GNU OpenMP with active waiting, used before the fork and in the copy: it waits for threads that stayed behind,
 * at full speed, and so does the thread that idles in the parent. */
#include <omp.h>

#include "fixture.h"

static int work(void)
{
	int sum = 0;
#pragma omp parallel num_threads(2) reduction(+ : sum)
	sum += omp_get_thread_num() + 1;
	return sum;
}

int main(int argc, char **argv)
{
	(void)argc;
	fixture_begin();
	if (getenv("OMP_WAIT_POLICY") == NULL) { /* read when the library is loaded */
		setenv("OMP_WAIT_POLICY", "active", 1);
		execv("/proc/self/exe", argv);
	}
	MUST(work() == 3);
	pid_t child = fixture_fork();
	if (child == 0)
		_exit(work() == 3 ? 0 : 1);
	return fixture_wait(child);
}
