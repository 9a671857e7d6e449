/* EXPECT: verdict=none
 * OUTSIDE: self outside
 * BUILD: -lrt
 * Waits for a message of a named POSIX queue; the sender is outside the tree. */
#include <mqueue.h>

#include "fixture.h"

int main(int argc, char *argv[])
{
	char name[128], message[64];
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = sizeof(message)};
	fixture_begin();
	(void)argv;
	snprintf(name, sizeof(name), "/%s", strrchr(getenv("FIXTURE_DIR"), '/') + 1);
	if (argc > 1)
		fixture_sleep(LOOKALIKE_S);
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	MUST(queue != (mqd_t)-1);
	if (argc > 1)
		return mq_send(queue, "x", 1, 0);
	MUST(mq_receive(queue, message, sizeof(message), NULL) == 1);
	mq_unlink(name);
	return 0;
}
