/* EXPECT: verdict=deadlock cause=no-waker|wait-cycle certainty=proven scope=process
 * SIGHT: all
 * Stopped and continued in a poll without a limit: the kernel shows a restarted call from then on.  The helper that did
 * it has ended. */
#include <poll.h>

#include "fixture.h"

static bool is_in_state(pid_t pid, char state)
{
	char path[64], text[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY);
	MUST(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strrchr(text, ')')[2] == state;
}

int main(void)
{
	int ends[2];
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		struct pollfd fd = {.fd = ends[0], .events = POLLIN};
		_exit(poll(&fd, 1, -1));
	}
	while (!is_in_state(child, 'S'))
		fixture_sleep(0.001);
	kill(child, SIGSTOP);
	while (!is_in_state(child, 'T') && !is_in_state(child, 't'))
		fixture_sleep(0.001);
	kill(child, SIGCONT);
	return fixture_wait(child);
}
