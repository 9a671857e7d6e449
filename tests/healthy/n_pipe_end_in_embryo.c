/* EXPECT: verdict=none
 * The pipe's other end waits in a connection that nobody has accepted: in no table of descriptors, in no socket that is. */
#include "pass_fd.h"

int main(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(sa_family_t);
	int ends[2], listener = socket(AF_UNIX, SOCK_STREAM, 0);
	char c;
	fixture_begin();
	MUST(bind(listener, (struct sockaddr *)&name, len) == 0 && listen(listener, 4) == 0);
	len = sizeof(name);
	MUST(getsockname(listener, (struct sockaddr *)&name, &len) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(write(pass_receive(accept(listener, NULL, NULL)), "x", 1) == 1);
		_exit(0);
	}
	close(listener);
	MUST(pipe(ends) == 0);
	int client = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(connect(client, (struct sockaddr *)&name, len) == 0);
	pass_send(client, ends[1]);
	MUST(read(ends[0], &c, 1) == 1); /* holds a writing end itself */
	return fixture_wait(child);
}
