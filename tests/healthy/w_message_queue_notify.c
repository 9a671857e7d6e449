/* EXPECT: verdict=none
 * A mq_notify thread: a POSIX queue that makes the C library start a thread when something arrives. */
#include <mqueue.h>

#include "fixture.h"

static sem_t sem;

static void on_message(union sigval value)
{
	(void)value;
	sem_post(&sem);
}

int main(void)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_message};
	char name[64];
	fixture_begin();
	sem_init(&sem, 0, 0);
	snprintf(name, sizeof(name), "/hangdog-w-%d", getpid());
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	MUST(queue >= 0 && mq_unlink(name) == 0 && mq_notify(queue, &event) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(mq_send(queue, "x", 1, 0) == 0);
		_exit(0);
	}
	MUST(sem_wait(&sem) == 0);
	return fixture_wait(child);
}
