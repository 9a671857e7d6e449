/* EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process kind=poll
 * SIGHT: all
 * Parent and child poll forty pipes of each other's, and an entry that is switched off. */
#include <poll.h>

#include "fixture.h"

enum { PIPES = 40 };

int main(void)
{
	int ends[PIPES][2];
	struct pollfd fds[PIPES / 2 + 1];
	fixture_begin();
	for (int i = 0; i < PIPES; i++)
		MUST(pipe(ends[i]) == 0);
	bool is_child = fixture_fork() == 0;
	for (int i = 0; i < PIPES; i++) {
		bool reads = (i % 2 == 0) == is_child;
		close(ends[i][reads]);
		if (reads)
			fds[i / 2] = (struct pollfd){.fd = ends[i][0], .events = POLLIN};
	}
	fds[PIPES / 2] = (struct pollfd){.fd = -1, .events = POLLIN};
	return poll(fds, PIPES / 2 + 1, -1) * 0;
}
