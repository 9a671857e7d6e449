/* EXPECT: verdict=none
 * The writing end lies in the queue of a socket that itself lies, unreceived, in the queue of another socket. */
#include "pass_fd.h"

int main(void)
{
	int ends[2], outer[2], inner[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, outer) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, inner) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		close(ends[0]), close(ends[1]), close(outer[0]), close(inner[0]), close(inner[1]);
		fixture_sleep(LOOKALIKE_S);
		MUST(write(pass_receive(pass_receive(outer[1])), "x", 1) == 1);
		_exit(0);
	}
	pass_send(inner[0], dup(ends[1]));
	pass_send(outer[0], inner[1]);
	close(outer[1]), close(inner[0]), close(inner[1]);
	for (int fd = 20; fd > 2; fd--) {
		if (fd != ends[0] && fd != ends[1] && fd != outer[0])
			close(fd);
	}
	MUST(read(ends[0], &c, 1) == 1); /* its own writing end stays open: to all appearance nobody else has one */
	return fixture_wait(child);
}
