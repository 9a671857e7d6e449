/* EXPECT: verdict=none
 * TRY: -m32 -isystem /usr/include/x86_64-linux-gnu
 * A program of 32 bits: a thread posts late, a child writes late, an alarm handler posts late. */
#include "fixture.h"

static sem_t sem, alarm_sem;

static void *post(void *arg)
{
	fixture_sleep(LOOKALIKE_S);
	sem_post(&sem);
	return arg;
}

static void on_alarm(int sig)
{
	(void)sig;
	sem_post(&alarm_sem);
}

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	sem_init(&sem, 0, 0), sem_init(&alarm_sem, 0, 0);
	fixture_thread(post, NULL);
	while (sem_wait(&sem) != 0)
		;
	signal(SIGALRM, on_alarm);
	alarm(1);
	while (sem_wait(&alarm_sem) != 0)
		;
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(0.6);
		MUST(write(ends[1], "x", 1) == 1);
		_exit(0);
	}
	MUST(read(ends[0], &c, 1) == 1);
	return fixture_wait(child);
}
