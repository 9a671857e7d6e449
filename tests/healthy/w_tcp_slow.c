/* EXPECT: verdict=none
 * The other end of a loopback connection answers late; then a listener waits for a client that comes late. */
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
	if (child == 0) {
		fixture_sleep(0.6);
		int line = socket(AF_INET, SOCK_STREAM, 0);
		MUST(connect(line, (struct sockaddr *)&at, sizeof(at)) == 0);
		fixture_sleep(LOOKALIKE_S);
		MUST(write(line, "x", 1) == 1);
		_exit(0);
	}
	int line = accept(door, NULL, NULL);
	MUST(read(line, &c, 1) == 1);
	return fixture_wait(child);
}
