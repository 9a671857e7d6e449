/* EXPECT: verdict=none
 * OUTSIDE: self outside
 * BUILD: -lrt
 * Waits for a semaphore that a thread posts when a message comes to a named queue (mq_notify). */
#include <mqueue.h>

#include "fixture.h"

static sem_t slot;

static void on_message(union sigval value)
{
	(void)value;
	sem_post(&slot);
}

int main(int argc, char *argv[])
{
	char name[128], path[4096];
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_message};
	fixture_begin();
	(void)argv;
	snprintf(name, sizeof(name), "/%s", strrchr(getenv("FIXTURE_DIR"), '/') + 1);
	snprintf(path, sizeof(path), "%s/ready", getenv("FIXTURE_DIR"));
	if (argc > 1) {
		while (access(path, F_OK) != 0)
			fixture_sleep(0.01);
		fixture_sleep(LOOKALIKE_S);
	}
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	MUST(queue != (mqd_t)-1);
	if (argc > 1)
		return mq_send(queue, "x", 1, 0);
	sem_init(&slot, 0, 0);
	MUST(mq_notify(queue, &event) == 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	while (sem_wait(&slot) != 0)
		;
	mq_unlink(name);
	return 0;
}
