/* For programs that give a descriptor to a process outside of the tree, which is the same program with an argument. */
#ifndef OUTSIDE_H
#define OUTSIDE_H

#include <sys/socket.h>
#include <sys/un.h>

#include "fixture.h"

union outside_control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static struct sockaddr_un outside_door(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/door", getenv("FIXTURE_DIR"));
	return name;
}

/* Gives fd away; afterwards it and the line are closed. */
static void outside_give(int fd)
{
	struct sockaddr_un name = outside_door();
	union outside_control control = {.room = {0}};
	struct iovec io = {(char[]){'x'}, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	int door = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(bind(door, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(door, 1) == 0);
	int line = accept(door, NULL, NULL);
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	MUST(sendmsg(line, &m, 0) == 1);
	close(line), close(door), close(fd);
}

/* Waits for the program that gives, and takes. */
static int outside_take(void)
{
	struct sockaddr_un name = outside_door();
	union outside_control control;
	char c;
	int fd, line;
	struct iovec io = {&c, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	while (line = socket(AF_UNIX, SOCK_STREAM, 0), connect(line, (struct sockaddr *)&name, sizeof(name)) != 0) {
		close(line);
		fixture_sleep(0.01);
	}
	MUST(recvmsg(line, &m, 0) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	close(line);
	return fd;
}

#endif
