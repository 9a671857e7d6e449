/* Looking at a tree once, from outside, stopping nobody: what `why` and `attach --once` share. */
#ifndef HANGDOG_CMD_ONCE_H
#define HANGDOG_CMD_ONCE_H

#include "cmd/case.h"
#include "cmd/options.h"

/* How the stacks of a case are filled, once it is decided. */
typedef void hd_fill_fn(struct hd_case *c, struct hd_watcher *w, const struct hd_stack_options *stacks, const struct hd_options *options);
/* The processes of options->pids (and, with options->tree, their descendants) as they are now.  `looks` before the facts
 * are gathered: 2 to prove something (one interval apart), 0 for a dump.  0 and a case to release, or a negative errno
 * with err filled. */
HD_MUST_CHECK int hd_look_once(const struct hd_options *options, unsigned looks, hd_fill_fn *fill, struct hd_case *ret,
			       struct hd_err *err);
/* The processes named in options->pids and, with options->tree, their descendants, added to an empty model. */
HD_MUST_CHECK int hd_once_model(struct hd_model *model, const struct hd_options *options, struct hd_err *err);
/* Nobody is stopped: the stacks of who hangs, or of all that stand still where the options ask for them. */
void hd_fill_quietly(struct hd_case *c, struct hd_watcher *w, const struct hd_stack_options *stacks, const struct hd_options *options);
/* Prints it on stdout as text or JSON; gives the exit status: 0 nothing is wrong, 1 a hang, 125 stdout failed. */
int hd_once_print(const struct hd_case *c, const struct hd_options *options);

/* The snapshot in FILE, in an incident's folder, or on stdin ("-"); replay.c. */
HD_MUST_CHECK int hd_replay_load(const char *path, struct hd_snapshot **ret, struct hd_err *err);

#endif
