/* Filling a case with the stack of every thread: what `dump` and the supervisor's answer to it share. */
#ifndef HANGDOG_CMD_DUMP_H
#define HANGDOG_CMD_DUMP_H

#include "cmd/case.h"
#include "hangdog/tracer.h"

/* Stops what runs, for microseconds each: through `tracer` if that traces the tree, else (NULL) by a trace of its own. */
void hd_dump_fill(struct hd_case *c, struct hd_watcher *w, struct hd_tracer *tracer, const struct hd_stack_options *options);

/* The same stacks, for a case that is no dump. */
void hd_dump_stacks(struct hd_case *c, struct hd_watcher *w, struct hd_tracer *tracer, const struct hd_stack_options *options);

#endif
