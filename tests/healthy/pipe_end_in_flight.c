/* EXPECT: verdict=none
 * The only writing end of a pipe lies in a message of a socket that nobody has received yet. */
#include "pass_fd.h"

int main(void)
{
	int ends[2], sockets[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		close(ends[0]), close(ends[1]), close(sockets[0]);
		fixture_sleep(LOOKALIKE_S);
		MUST(write(pass_receive(sockets[1]), "x", 1) == 1);
		_exit(0);
	}
	pass_send(sockets[0], ends[1]);
	close(ends[1]), close(sockets[1]);
	MUST(read(ends[0], &c, 1) == 1);
	return fixture_wait(child);
}
