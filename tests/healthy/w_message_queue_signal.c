/* EXPECT: verdict=none
 * OUTSIDE: self sender
 * A POSIX queue sends SIGUSR1 when somebody outside sends a message; the handler posts what the only thread waits for. */
#include <mqueue.h>

#include "fixture.h"

static sem_t sem;

static void on_message(int sig)
{
	(void)sig;
	sem_post(&sem);
}

int main(int argc, char **argv)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	char name[256] = "/hangdog-w";
	(void)argv;
	fixture_begin();
	for (char *p = strcat(name, getenv("FIXTURE_DIR")) + 1; *p != '\0'; p++)
		*p = *p == '/' ? '-' : *p;
	if (argc > 1) {
		mqd_t queue;
		while ((queue = mq_open(name, O_WRONLY)) < 0)
			fixture_sleep(0.05);
		fixture_sleep(LOOKALIKE_S);
		return mq_send(queue, "x", 1, 0);
	}
	sem_init(&sem, 0, 0);
	signal(SIGUSR1, on_message);
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	MUST(queue >= 0 && mq_notify(queue, &event) == 0);
	while (sem_wait(&sem) != 0)
		;
	return mq_unlink(name);
}
