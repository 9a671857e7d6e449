/* EXPECT: verdict=deadlock certainty=proven scope=process
 * BUILD: -fopenmp
 * As openmp_after_fork, but the child also has threads of its own: they wait for its main thread, which waits for a team
 * that is not there. */
#include "fixture.h"

static sem_t work, done;

static int sum(void)
{
	int total = 0;
#pragma omp parallel for num_threads(4) reduction(+ : total)
	for (int i = 0; i < 1000; i++)
		total += i & 1;
	return total;
}

static void *helper(void *arg)
{
	sem_post(&done);
	sem_wait(&work);
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&work, 0, 0);
	sem_init(&done, 0, 0);
	MUST(sum() == 500);
	pid_t child = fixture_fork();
	if (child == 0) {
		for (int i = 0; i < 3; i++) {
			fixture_thread(helper, NULL);
			sem_wait(&done);
		}
		_exit(sum() != 500);
	}
	return fixture_wait(child);
}
