/* EXPECT: verdict=none
 * Sixty workers wait for work without a limit, and a dispatcher that sleeps gives it out. */
#include "fixture.h"

enum { WORKERS = 60 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static int jobs;

static void *worker(void *arg)
{
	pthread_mutex_lock(&mutex);
	while (jobs == 0)
		pthread_cond_wait(&work, &mutex);
	jobs--;
	pthread_mutex_unlock(&mutex);
	return arg;
}

int main(void)
{
	pthread_t threads[WORKERS];
	fixture_begin();
	for (int i = 0; i < WORKERS; i++)
		threads[i] = fixture_thread(worker, NULL);
	for (int i = 0; i < WORKERS; i++) {
		fixture_sleep(0.03);
		pthread_mutex_lock(&mutex);
		jobs++;
		pthread_mutex_unlock(&mutex);
		pthread_cond_signal(&work);
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
