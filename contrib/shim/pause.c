/* Preload library of --cure omp-pause: before every fork, GNU OpenMP lets go of the forking thread's team of threads, so
 * that the child makes its own instead of waiting for threads that were not copied.  The parent makes a new team at its
 * next parallel loop.
 *
 * OpenMP 5.0, omp_pause_resource_all(omp_pause_hard): in libgomp since GCC 9, libgomp/team.c (gomp_pause_host); it does
 * nothing inside of a parallel region.  Every libgomp that is loaded is asked, those with hashed names in Python wheels
 * too (libgomp-a34b3233.so.1): an OpenMP runtime knows its own threads only.
 *
 * Does not help: older libgomp, forks made around the C library (raw clone), thread pools of other libraries. */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { RUNTIMES_MAX = 8, OMP_PAUSE_HARD = 2 };

struct found {
	char *paths[RUNTIMES_MAX];
	int n;
};

static int note_runtime(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct found *found = ctx;
	const char *slash = strrchr(info->dlpi_name, '/');
	(void)size;
	char *path = slash != NULL && strncmp(slash + 1, "libgomp", 7) == 0 ? strdup(info->dlpi_name) : NULL;
	if (path != NULL)
		found->paths[found->n++] = path;
	return found->n == RUNTIMES_MAX;
}

/* Not while the list of libraries is walked: its lock must not be held when the runtime is called. */
static void pause_all(void)
{
	struct found found = {0};
	dl_iterate_phdr(note_runtime, &found);
	for (int i = 0; i < found.n; i++) {
		void *runtime = dlopen(found.paths[i], RTLD_LAZY | RTLD_NOLOAD);
		int (*pause)(int) = runtime != NULL ? (int (*)(int))(void (*)(void))dlsym(runtime, "omp_pause_resource_all") : NULL;
		if (pause != NULL)
			pause(OMP_PAUSE_HARD);
		if (runtime != NULL)
			dlclose(runtime);
		free(found.paths[i]);
	}
}

__attribute__((constructor)) static void start(void)
{
	pthread_atfork(pause_all, NULL, NULL);
}
