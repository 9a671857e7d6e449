/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=socket
 * SIGHT: all
 * Two processes fill a socket pair from both sides, and neither reads. */
#include <sys/socket.h>

#include "fixture.h"

int main(void)
{
	static char much[1 << 20];
	int ends[2];
	fixture_begin();
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	int mine = ends[fixture_fork() == 0];
	for (;;)
		MUST(send(mine, much, sizeof(much), 0) > 0);
}
