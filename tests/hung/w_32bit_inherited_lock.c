/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=futex
 * TRY: -m32 -isystem /usr/include/x86_64-linux-gnu
 * A program of 32 bits, forked while another thread held a mutex: whose it is cannot be read, but that nobody is left to
 * give it back can. */
#include "fixture.h"

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t taken;

static void *hold(void *arg)
{
	pthread_mutex_lock(&registry_lock);
	sem_post(&taken);
	pause();
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&taken, 0, 0);
	fixture_thread(hold, NULL);
	while (sem_wait(&taken) != 0)
		;
	pid_t child = fixture_fork();
	if (child == 0) {
		pthread_mutex_lock(&registry_lock);
		_exit(0);
	}
	return fixture_wait(child);
}
