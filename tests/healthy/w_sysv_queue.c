/* EXPECT: verdict=none
 * Receives from a System V queue, which anybody who knows its number could send to. */
#include <sys/msg.h>

#include "fixture.h"

struct message {
	long type;
	char text[8];
};

int main(void)
{
	struct message m = {.type = 1};
	fixture_begin();
	int queue = msgget(IPC_PRIVATE, 0600);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(msgsnd(queue, &m, sizeof(m.text), 0) == 0);
		_exit(0);
	}
	MUST(msgrcv(queue, &m, sizeof(m.text), 0, 0) >= 0);
	MUST(msgctl(queue, IPC_RMID, NULL) == 0);
	return fixture_wait(child);
}
