/* Deep copies from one arena into another: stacks, locks and fork records outlive what they were read with. */
#ifndef HANGDOG_COPY_H
#define HANGDOG_COPY_H

#include "hangdog/snapshot.h"

struct hd_stack hd_stack_copy(const struct hd_stack *stack, struct hd_arena *arena);
struct hd_fork *hd_fork_copy(const struct hd_fork *fork, struct hd_arena *arena); /* NULL gives NULL */

#endif
