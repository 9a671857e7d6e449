/* --cure: what a start of the command gets in its environment, said and made ready. */
#ifndef HANGDOG_CMD_CURES_H
#define HANGDOG_CMD_CURES_H

#include "cmd/case.h"
#include "cmd/options.h"

/* Names given with --cure hold from the first start; with `auto` each restart after a hang adds one
 * (hd_cure_next).  `so_far` (zeroed before the first start) keeps the list between starts; `hang` is NULL unless a hang made this start.
 * The environment to add, NULL-terminated, lives in `arena`.  NULL: a name is unknown, which has been said. */
const char *const *hd_cures_env(const struct hd_options *options, struct hd_buf *so_far, const struct hd_case *hang, struct hd_arena *arena);

#endif
