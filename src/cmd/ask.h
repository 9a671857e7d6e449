/* One question to the hangdog that guards a process, for commands that only print its answer. */
#ifndef HANGDOG_CMD_ASK_H
#define HANGDOG_CMD_ASK_H

#include "cmd/options.h"
#include "hangdog/buf.h"

/* Waits up to timeout_ms, with a sign of life.  False: it failed, which was said. */
HD_MUST_CHECK bool hd_ask(int32_t supervisor, const char *request, int timeout_ms, const struct hd_options *options,
			  struct hd_buf *ret_body);

/* What `hangdog why` prints of a guarded process (why.c): gives its exit status. */
int hd_why_ask(int32_t supervisor, const struct hd_options *options);

#endif
