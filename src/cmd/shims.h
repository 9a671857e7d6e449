/* The preload libraries of contrib/shim, which travel inside of the hangdog binary. */
#ifndef HANGDOG_CMD_SHIMS_H
#define HANGDOG_CMD_SHIMS_H

#include "hangdog/cure.h"

struct hd_shim {
	const char *name; /* of its file */
	const char *bytes;
	size_t len;
};

struct hd_shim hd_shim_of(enum hd_cure_how how); /* HD_CURE_PAUSE or HD_CURE_GATE */

#endif
