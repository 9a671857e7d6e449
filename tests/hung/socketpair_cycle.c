/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=socket
 * SIGHT: all
 * Two processes each wait for the other's message on a socket pair. */
#include <sys/socket.h>

#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	pid_t child = fixture_fork();
	close(ends[child == 0]);
	(void)!recv(ends[child != 0], &c, 1, 0);
	return child == 0 ? 0 : fixture_wait(child);
}
