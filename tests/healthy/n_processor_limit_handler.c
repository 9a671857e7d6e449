/* EXPECT: verdict=none
 * RLIMIT_CPU: one thread computes, the other waits; the limit's handler runs in whichever the kernel picks, and posts. */
#include "fixture.h"

static sem_t slot;
static atomic_bool done;

static void on_signal(int signal_number)
{
	(void)signal_number;
	sem_post(&slot);
}

static void *compute(void *arg)
{
	while (!atomic_load(&done))
		;
	return arg;
}

int main(void)
{
	fixture_begin();
	sem_init(&slot, 0, 0);
	sigaction(SIGXCPU, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL);
	setrlimit(RLIMIT_CPU, &(struct rlimit){1, RLIM_INFINITY});
	pthread_t thread = fixture_thread(compute, NULL);
	while (sem_wait(&slot) != 0)
		;
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	return 0;
}
