/* Descriptors through sockets, for the hung and healthy programs. */
#ifndef PASS_FD_H
#define PASS_FD_H

#include <sys/socket.h>
#include <sys/un.h>

#include "fixture.h"

union pass_control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

HELPER void pass_send(int socket, int fd)
{
	union pass_control control = {.room = {0}};
	struct iovec io = {(char[]){'x'}, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	MUST(sendmsg(socket, &m, 0) == 1);
}

HELPER int pass_receive(int socket)
{
	union pass_control control;
	char c;
	int fd;
	struct iovec io = {&c, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	MUST(recvmsg(socket, &m, 0) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

#endif
