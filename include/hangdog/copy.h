/* Deep copies from one arena into another: stacks, locks and fork records outlive what they were read with. */
#ifndef HANGDOG_COPY_H
#define HANGDOG_COPY_H

#include "hangdog/snapshot.h"

struct hd_stack hd_stack_copy(const struct hd_stack *stack, struct hd_arena *arena);
struct hd_fork *hd_fork_copy(const struct hd_fork *fork, struct hd_arena *arena); /* NULL gives NULL */
/* The parent was itself a copy, by the fork `older`: the threads that were lost there are missing here as well, and come
 * behind the fork's own.  Records that were not resolved yet only; bounded. */
void hd_fork_add_older(struct hd_fork *fork, const struct hd_fork *older, struct hd_arena *arena);

#endif
