/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process
 * A child made by the bare system call, which runs none of libc's fork handlers: the allocator's lock stays taken. */
#include <sys/syscall.h>

#include "fixture.h"

static void *use(void *arg)
{
	while (!atomic_load(&fixture_stop)) {
		void *volatile p = malloc(5000);
		free(p);
	}
	return arg;
}

int main(void)
{
	fixture_begin();
	setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0", 0);
	if (getenv("FIXTURE_AGAIN") == NULL) {
		setenv("FIXTURE_AGAIN", "1", 1);
		execl("/proc/self/exe", "raw_clone_malloc", (char *)NULL);
	}
	for (int forks = 0; forks < 100000;) {
		pid_t child;
		pthread_t threads[2];
		atomic_store(&fixture_stop, false);
		for (int i = 0; i < 2; i++)
			threads[i] = fixture_thread(use, NULL);
		do {
			child = (pid_t)syscall(SYS_fork);
			MUST(child >= 0);
			if (child == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				void *volatile p = malloc(5000);
				free(p);
				_exit(0);
			}
			forks++;
		} while (forks < 100000 && fixture_child_ends(child) && fixture_wait(child) == 0);
		atomic_store(&fixture_stop, true);
		for (int i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		fixture_wait(child);
	}
	return 77;
}
