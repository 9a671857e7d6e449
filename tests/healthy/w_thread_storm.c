/* EXPECT: verdict=none
 * Threads, forks and hand-overs through pipes, semaphores and joins as fast as they go: no moment of it is a deadlock. */
#include "fixture.h"

static sem_t to, fro;

static void *echo(void *arg)
{
	for (int i = 0; i < 200; i++) {
		sem_wait(&to);
		sem_post(&fro);
	}
	return arg;
}

static void hand_over(void)
{
	pthread_t thread = fixture_thread(echo, NULL);
	for (int i = 0; i < 200; i++) {
		sem_post(&to);
		sem_wait(&fro);
	}
	pthread_join(thread, NULL);
}

static void ask_child(void)
{
	int ask[2], answer[2];
	char c = 'x';
	MUST(pipe(ask) == 0 && pipe(answer) == 0);
	pid_t child = fixture_fork();
	for (int i = 0; i < 100; i++) {
		if (child == 0)
			MUST(read(ask[0], &c, 1) == 1 && write(answer[1], &c, 1) == 1);
		else
			MUST(write(ask[1], &c, 1) == 1 && read(answer[0], &c, 1) == 1);
	}
	if (child == 0)
		_exit(0);
	MUST(fixture_wait(child) == 0);
	close(ask[0]), close(ask[1]), close(answer[0]), close(answer[1]);
}

int main(void)
{
	fixture_begin();
	sem_init(&to, 0, 0), sem_init(&fro, 0, 0);
	for (int i = 0; i < 60; i++) {
		hand_over();
		ask_child();
	}
	return 0;
}
