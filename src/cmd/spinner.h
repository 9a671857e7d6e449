/* A sign of life on stderr while a command that looks once takes longer than a second: what it does, and for how long.
 * Only on a terminal that can take a line back, and not with --quiet.  The line is gone once the spinner is stopped: stop it
 * before anything else is printed. */
#ifndef HANGDOG_CMD_SPINNER_H
#define HANGDOG_CMD_SPINNER_H

#include "cmd/options.h"

struct hd_spinner;

/* Borrows `what`.  NULL: none is wanted or can be had, which hd_spinner_stop takes as well. */
struct hd_spinner *hd_spinner_start(const struct hd_options *options, const char *what);
void hd_spinner_stop(struct hd_spinner *spinner);

#endif
