/* Looks dead and is not: main waits for a thread, that one for a condition, another for a semaphore; but one only sleeps, and
 * will wake them.  For `hangdog why` (README). */
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static sem_t slot;
static int is_ready;

static void *serve(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	while (!is_ready)
		pthread_cond_wait(&ready, &lock);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *take_slot(void *unused)
{
	(void)unused;
	sem_wait(&slot);
	return NULL;
}

static void *open_for_business(void *unused)
{
	(void)unused;
	sleep(3600);
	pthread_mutex_lock(&lock);
	is_ready = 1;
	pthread_cond_broadcast(&ready);
	pthread_mutex_unlock(&lock);
	sem_post(&slot);
	return NULL;
}

int main(void)
{
	pthread_t threads[3];
	sem_init(&slot, 0, 0);
	pthread_create(&threads[0], NULL, serve, NULL);
	pthread_create(&threads[1], NULL, take_slot, NULL);
	pthread_create(&threads[2], NULL, open_for_business, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
