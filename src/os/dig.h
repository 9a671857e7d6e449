/* An unseen fork of a Python process: what the child's memory still tells of the parent's threads that were not copied. */
#ifndef OS_DIG_H
#define OS_DIG_H

#include "hangdog/snapshot.h"
#include "os/interp.h"

/* proc->fork was dug out of native stacks (hd_forkev_dig).  Adds names, Python frames and, where a thread of the child waits
 * for a Python lock that one of the dead threads is inside of, that holder.  Texts go to `arena`, the snapshot's. */
void hd_dig_python(struct hd_snapshot *snap, struct hd_proc *proc, const struct hd_py_view *view, struct hd_mem *mem,
		   struct hd_arena *arena);
/* Python locks without an owner: does a thread of the process itself stand in a block that holds one? */
void hd_inside_python(struct hd_snapshot *snap, const struct hd_proc *proc, const struct hd_py_view *view, struct hd_mem *mem,
		      struct hd_arena *arena);

#endif
