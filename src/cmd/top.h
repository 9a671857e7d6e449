/* The live view around a command that hangdog has just launched on a terminal of its own (run --top). */
#ifndef HANGDOG_CMD_TOP_H
#define HANGDOG_CMD_TOP_H

#include "cmd/options.h"

struct hd_top_command {
	int fd;         /* our end of the command's terminal */
	int32_t pid;    /* the hangdog that guards it: our child */
	const char *leaving; /* what to ask before the view is left while it runs */
	bool has_ended; /* it has, with this wait status */
	int wait_status;
};

/* Shows the view until the user leaves; fills has_ended and wait_status.  0, or an error said. */
HD_MUST_CHECK int hd_top_around(const struct hd_options *options, struct hd_top_command *command);
/* hangdog run --top, hangdog attach --top: the exit status. */
int hd_guard_under_top(const struct hd_options *options);

#endif
