/* EXPECT: verdict=none
 * OUTSIDE: self poster
 * A semaphore in a memfd whose descriptor went to a process outside through a socket; that one maps it and posts late. */
#include <sys/socket.h>
#include <sys/un.h>

#include "fixture.h"

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int poster(struct sockaddr_un *name)
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
	sem_t *sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	fixture_sleep(LOOKALIKE_S);
	return sem_post(sem);
}

int main(int argc, char **argv)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	union control control = {.room = {0}};
	struct iovec io = {(char[]){'x'}, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	(void)argv;
	fixture_begin();
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/door", getenv("FIXTURE_DIR"));
	if (argc > 1)
		return poster(&name);
	int fd = memfd_create("given", 0), door = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(ftruncate(fd, 4096) == 0 && bind(door, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(door, 1) == 0);
	sem_t *sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(sem_init(sem, 1, 0) == 0);
	int line = accept(door, NULL, NULL);
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	MUST(sendmsg(line, &m, 0) == 1);
	close(line), close(door), close(fd);
	MUST(sem_wait(sem) == 0);
	return 0;
}
