/* EXPECT: verdict=none
 * A server over a unix socket with a name that takes its time to answer. */
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
	if (child == 0) {
		int line = socket(AF_UNIX, SOCK_STREAM, 0);
		MUST(connect(line, (struct sockaddr *)&name, sizeof(name)) == 0);
		fixture_sleep(LOOKALIKE_S);
		MUST(write(line, "x", 1) == 1);
		_exit(0);
	}
	int line = accept(door, NULL, NULL);
	MUST(read(line, &c, 1) == 1);
	return fixture_wait(child);
}
