/* EXPECT: verdict=deadlock cause=missing-thread|inherited-lock certainty=proven scope=process kind=condition
 * A thread pool of one; the child hands in a job and waits for the thread, which fork did not copy. */
#include "fixture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static int jobs_in, jobs_out;

static void *pool_thread(void *arg)
{
	pthread_mutex_lock(&lock);
	while (jobs_out >= 0) {
		while (jobs_in == jobs_out)
			pthread_cond_wait(&wanted, &lock);
		jobs_out++;
		pthread_cond_broadcast(&done);
	}
	return arg;
}

static void do_job(void)
{
	pthread_mutex_lock(&lock);
	int mine = ++jobs_in;
	pthread_cond_signal(&wanted);
	while (jobs_out < mine)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
}

int main(void)
{
	fixture_begin();
	fixture_thread(pool_thread, NULL);
	do_job();
	pthread_mutex_lock(&lock); /* so that the mutex itself is not what the child inherits */
	pid_t child = fixture_fork();
	pthread_mutex_unlock(&lock);
	if (child == 0) {
		do_job();
		_exit(0);
	}
	return fixture_wait(child);
}
