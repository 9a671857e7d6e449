/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=pipe
 * OUTSIDE: self strangers
 * MODES: launched
 * On the same machine, strangers have a connection that nobody accepts, a descriptor under way in a socket, and an
 * io_uring.  None of that can have to do with a pipe that the tree made and could not pass on. */
#include <linux/io_uring.h>
#include <sys/syscall.h>

#include "pass_fd.h"

static void be_strangers(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct io_uring_params p = {0};
	socklen_t len = sizeof(sa_family_t);
	int pair[2], listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(bind(listener, (struct sockaddr *)&name, len) == 0 && listen(listener, 4) == 0);
	len = sizeof(name);
	MUST(getsockname(listener, (struct sockaddr *)&name, &len) == 0 && connect(client, (struct sockaddr *)&name, len) == 0);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	pass_send(pair[0], 1);
	syscall(SYS_io_uring_setup, 4, &p);
	fixture_sleep(100);
}

int main(int argc, char **argv)
{
	int ends[2];
	char c;
	(void)argv;
	fixture_begin();
	if (argc > 1) {
		be_strangers();
		return 0;
	}
	fixture_sleep(0.5); /* until the strangers are there; before, it would not hang any less */
	MUST(pipe(ends) == 0);
	return (int)read(ends[0], &c, 1);
}
