/* EXPECT: verdict=none
 * A storm of short processes and threads, each of which waits for another for a moment. */
#include "fixture.h"

static void *hand_on(void *arg)
{
	sem_post(arg);
	return NULL;
}

static void one_round(void)
{
	sem_t done;
	sem_init(&done, 0, 0);
	pthread_t thread = fixture_thread(hand_on, &done);
	sem_wait(&done);
	pthread_join(thread, NULL);
	sem_destroy(&done);
}

int main(void)
{
	fixture_begin();
	for (int i = 0; i < 300; i++) {
		pid_t child = fixture_fork();
		if (child == 0) {
			one_round();
			_exit(0);
		}
		one_round();
		MUST(fixture_wait(child) == 0);
	}
	return 0;
}
