/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=socket
 * SIGHT: all
 * Both ends of a pair of datagram sockets receive. */
#include <sys/socket.h>

#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
	pid_t child = fixture_fork();
	return (int)recv(ends[child == 0], &c, 1, 0) * 0;
}
