/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=socket
 * SIGHT: all
 * A connection over a unix socket with a name: the client waits for an answer, the server for a request that was never sent. */
#include <sys/socket.h>
#include <sys/un.h>

#include "fixture.h"

int main(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char c;
	fixture_begin();
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/rpc", getenv("FIXTURE_DIR"));
	int door = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(bind(door, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(door, 1) == 0);
	pid_t child = fixture_fork();
	int line = child == 0 ? socket(AF_UNIX, SOCK_STREAM, 0) : accept(door, NULL, NULL);
	if (child == 0)
		MUST(connect(line, (struct sockaddr *)&name, sizeof(name)) == 0);
	close(door);
	unlink(name.sun_path);
	return (int)read(line, &c, 1) * 0;
}
