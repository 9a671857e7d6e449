/* EXPECT: verdict=stall cause=unknown certainty=suspected
 * MODES: launched
 * STALL: 4
 * SPINS: 1
 * A spin lock that another thread held at the fork: the copy burns a whole CPU for ever. */
#include "fixture.h"

static pthread_spinlock_t lock;
static sem_t taken;

static void *hold(void *arg)
{
	pthread_spin_lock(&lock);
	sem_post(&taken);
	pause();
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&taken, 0, 0);
	pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
	fixture_thread(hold, NULL);
	while (sem_wait(&taken) != 0)
		;
	pid_t child = fixture_fork();
	if (child == 0) {
		pthread_spin_lock(&lock);
		_exit(0);
	}
	return fixture_wait(child);
}
