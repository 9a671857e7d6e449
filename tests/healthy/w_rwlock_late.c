/* EXPECT: verdict=none
 * Readers and writers behind a reader that sleeps. */
#include "fixture.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static void *read_late(void *arg)
{
	pthread_rwlock_rdlock(&lock);
	sem_post(&fixture_taken);
	fixture_sleep(LOOKALIKE_S);
	pthread_rwlock_unlock(&lock);
	return arg;
}

static void *write_under(void *arg)
{
	pthread_rwlock_wrlock(&lock);
	pthread_rwlock_unlock(&lock);
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&fixture_taken, 0, 0);
	fixture_thread(read_late, NULL);
	sem_wait(&fixture_taken);
	pthread_t writer = fixture_thread(write_under, NULL);
	write_under(NULL);
	pthread_join(writer, NULL);
	return 0;
}
