/* Looking at a tree once, from outside, stopping nobody: what `why` and `attach --once` share. */
#ifndef HANGDOG_CMD_ONCE_H
#define HANGDOG_CMD_ONCE_H

#include "cmd/case.h"
#include "cmd/options.h"

/* The processes of options->pids (and, with options->tree, their descendants) as they are now, decided, with stacks.
 * 0 and a case to release, or a negative errno with err filled. */
HD_MUST_CHECK int hd_look_once(const struct hd_options *options, struct hd_case *ret, struct hd_err *err);
/* Prints it on stdout as text or JSON; gives the exit status: 0 nothing is wrong, 1 a hang, 125 stdout failed. */
int hd_once_print(const struct hd_case *c, const struct hd_options *options);

#endif
