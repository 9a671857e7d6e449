/* EXPECT: verdict=none
 * The only writing end of a pipe lies in a message of a socket that nobody has received yet. */
#include <sys/socket.h>

#include "fixture.h"

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void send_fd(int socket, int fd)
{
	union control control = {.room = {0}};
	struct iovec io = {(char[]){'x'}, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	MUST(sendmsg(socket, &m, 0) == 1);
}

static int receive_fd(int socket)
{
	union control control;
	char c;
	int fd;
	struct iovec io = {&c, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	MUST(recvmsg(socket, &m, 0) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

int main(void)
{
	int ends[2], sockets[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		close(ends[0]), close(ends[1]), close(sockets[0]);
		fixture_sleep(LOOKALIKE_S);
		MUST(write(receive_fd(sockets[1]), "x", 1) == 1);
		_exit(0);
	}
	send_fd(sockets[0], ends[1]);
	close(ends[1]), close(sockets[1]);
	MUST(read(ends[0], &c, 1) == 1);
	return fixture_wait(child);
}
