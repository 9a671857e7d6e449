/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=socket
 * SIGHT: all
 * Both ends of a connection over the loopback device wait for the other to speak. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "fixture.h"

int main(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);
	char c;
	fixture_begin();
	int door = socket(AF_INET, SOCK_STREAM, 0);
	MUST(bind(door, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(door, 1) == 0);
	MUST(getsockname(door, (struct sockaddr *)&at, &len) == 0);
	pid_t child = fixture_fork();
	int line = child == 0 ? socket(AF_INET, SOCK_STREAM, 0) : accept(door, NULL, NULL);
	if (child == 0)
		MUST(connect(line, (struct sockaddr *)&at, sizeof(at)) == 0);
	close(door);
	return (int)read(line, &c, 1) * 0;
}
