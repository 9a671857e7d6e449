/* EXPECT: verdict=none
 * OUTSIDE: self writer
 * The reading program gave the only writing end of its pipe to a process outside, and the socket is closed since. */
#include <sys/socket.h>
#include <sys/un.h>

#include "fixture.h"

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int writer(struct sockaddr_un *name)
{
	union control control;
	char c;
	int fd, line;
	struct iovec io = {&c, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	while (line = socket(AF_UNIX, SOCK_STREAM, 0), connect(line, (struct sockaddr *)name, sizeof(*name)) != 0) {
		close(line);
		fixture_sleep(0.01);
	}
	MUST(recvmsg(line, &m, 0) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	close(line);
	fixture_sleep(LOOKALIKE_S);
	MUST(write(fd, "x", 1) == 1);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	union control control = {.room = {0}};
	struct iovec io = {(char[]){'x'}, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	int ends[2];
	char c;
	(void)argv;
	fixture_begin();
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/door", getenv("FIXTURE_DIR"));
	if (argc > 1)
		return writer(&name);
	int door = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(pipe(ends) == 0 && bind(door, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(door, 1) == 0);
	int line = accept(door, NULL, NULL);
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &ends[1], sizeof(int));
	MUST(sendmsg(line, &m, 0) == 1);
	close(line), close(door), close(ends[1]);
	MUST(read(ends[0], &c, 1) == 1);
	return 0;
}
