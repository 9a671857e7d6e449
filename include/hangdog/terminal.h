/* The terminal and the standard streams as hangdog was started with them, given back before a restart: a command that was
 * killed may leave the terminal raw, in the hands of a process group that is gone, or its streams non-blocking. */
#ifndef HANGDOG_TERMINAL_H
#define HANGDOG_TERMINAL_H

#include <termios.h>

#include "hangdog/base.h"

struct hd_terminal {
	int fd;        /* one of 0, 1, 2 that is our controlling terminal; -1 = none */
	bool is_front; /* our group had it */
	struct termios modes;
	int flags[3];  /* file status flags of 0, 1 and 2; -1 = not open */
};

void hd_terminal_note(struct hd_terminal *ret);
/* Does nothing to a terminal that somebody else has by now (the shell, after Ctrl-Z and bg). */
void hd_terminal_restore(const struct hd_terminal *t);

#endif
