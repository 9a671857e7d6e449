/* Programs that hangdog starts for its own ends (exec: actions, nvidia-smi): no part of the guarded tree, with signals as
 * a shell would give them. */
#ifndef HANGDOG_HELPER_H
#define HANGDOG_HELPER_H

#include "hangdog/base.h"

struct hd_tracer;

/* argv[0] is looked up in PATH.  out_fd: its stdout, stdin and stderr are /dev/null then; -1: all three are hangdog's own.
 * env NULL: hangdog's own.  Reaped by the tracer.  0, or a negative errno. */
HD_MUST_CHECK int hd_helper_spawn(struct hd_tracer *tracer, const char *const *argv, char *const *env, int out_fd,
				  int32_t *ret_pid);

#endif
