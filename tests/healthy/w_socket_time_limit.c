/* EXPECT: verdict=none
 * Receives from its own socket pair, with a limit that only the socket knows (SO_RCVTIMEO). */
#include <sys/socket.h>

#include "fixture.h"

int main(void)
{
	struct timeval limit = {1, 200000};
	int ends[2];
	char c;
	fixture_begin();
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	MUST(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	MUST(recv(ends[0], &c, 1, 0) == -1 && errno == EAGAIN);
	return 0;
}
