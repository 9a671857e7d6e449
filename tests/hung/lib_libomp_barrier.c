/* EXPECT: verdict=deadlock cause=no-waker|lock-cycle|self-lock certainty=proven|owned scope=process kind=barrier|mutex
 * CC: clang -fopenmp
 * OBJECT: the other threads of an OpenMP team or pool
 * A team of LLVM's OpenMP at its barrier, while one of its threads waits for a mutex that nobody gives back. */
#include <dirent.h>
#include <omp.h>

#include "fixture.h"

static atomic_int arrived;

static bool is_in_futex(const char *tid)
{
	char path[300], text[8] = "";
	snprintf(path, sizeof(path), "/proc/self/task/%s/syscall", tid);
	FILE *file = fopen(path, "re");
	bool is = file != NULL && fgets(text, sizeof(text), file) != NULL && strncmp(text, "202 ", 4) == 0;
	if (file != NULL)
		fclose(file);
	return is;
}

/* The others sleep at the barrier: before that it is a deadlock already, but not yet one of the team. */
static bool others_sleep(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/task");
	MUST(dir != NULL);
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		n += e->d_name[0] != '.' && atoi(e->d_name) != getpid() && is_in_futex(e->d_name);
	closedir(dir);
	return atomic_load(&arrived) == 2 && n >= 2;
}

int main(void)
{
	fixture_begin();
	kmp_set_blocktime(0); /* sleep at once instead of spinning for 200 ms */
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&mutex);
#pragma omp parallel num_threads(3)
	{
		if (omp_get_thread_num() == 0) {
			while (!others_sleep())
				fixture_sleep(0.001);
			pthread_mutex_lock(&mutex);
		} else {
			atomic_fetch_add(&arrived, 1);
		}
#pragma omp barrier
	}
	return 0;
}
