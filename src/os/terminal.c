#include "hangdog/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

void hd_terminal_note(struct hd_terminal *ret)
{
	*ret = (struct hd_terminal){.fd = -1};
	for (int fd = 2; fd >= 0; fd--) {
		ret->flags[fd] = fcntl(fd, F_GETFL);
		if (tcgetpgrp(fd) > 0 && tcgetattr(fd, &ret->modes) == 0)
			ret->fd = fd;
	}
	ret->is_front = ret->fd >= 0 && tcgetpgrp(ret->fd) == getpgrp();
}

/* Is the group in front empty?  tcgetpgrp gives a number that no group has, or 0, when it is. */
static bool front_is_gone(pid_t front)
{
	return front <= 1 || (kill(-front, 0) != 0 && errno == ESRCH);
}

void hd_terminal_restore(const struct hd_terminal *t)
{
	for (int fd = 0; fd < 3; fd++) {
		int now = fcntl(fd, F_GETFL);
		if (t->flags[fd] >= 0 && now >= 0 && now != t->flags[fd])
			(void)fcntl(fd, F_SETFL, t->flags[fd]); /* not ours any more: the command will see it as it is */
	}
	if (!t->is_front)
		return;
	pid_t front = tcgetpgrp(t->fd);
	/* SIGTTOU is blocked in hangdog (signals.c): from behind, this works at once. */
	if (front != getpgrp() && front_is_gone(front) && tcsetpgrp(t->fd, getpgrp()) == 0)
		front = getpgrp();
	if (front == getpgrp())
		(void)tcsetattr(t->fd, TCSANOW, &t->modes); /* hung up: there is nothing to restore */
}
