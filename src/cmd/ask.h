/* One question to the hangdog that guards a process, for commands that only print its answer. */
#ifndef HANGDOG_CMD_ASK_H
#define HANGDOG_CMD_ASK_H

#include "cmd/options.h"
#include "hangdog/arena.h"
#include "hangdog/buf.h"

/* Waits up to timeout_ms, with a sign of life.  False: it failed, which was said. */
HD_MUST_CHECK bool hd_ask(int32_t supervisor, const char *request, int timeout_ms, const struct hd_options *options,
			  struct hd_buf *ret_body);

/* Several processes may be guarded by several hangdogs, and some by none: `ask` is called once for each supervisor that `find`
 * finds, `look` for the rest together, each with only its own pids.  Gives the worst exit status. */
typedef int32_t hd_find_fn(int32_t pid, struct hd_arena *arena);
typedef int hd_ask_fn(int32_t supervisor, const struct hd_options *options);
typedef int hd_look_fn(const struct hd_options *options);
int hd_ask_each(const struct hd_options *options, hd_find_fn *find, hd_ask_fn *ask, hd_look_fn *look);
/* What `hangdog why` prints of a guarded process (why.c): gives its exit status. */
int hd_why_ask(int32_t supervisor, const struct hd_options *options);

#endif
