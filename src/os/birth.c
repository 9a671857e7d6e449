/* What kind of birth: the clone flags, read from the call that the creator stands in.
 * The event alone does not tell: clone(CLONE_VM|SIGCHLD) is reported as a fork (kernel/fork.c, kernel_clone). */
#include <sched.h>

#include "os/arch.h"
#include "os/tracer_priv.h"

int64_t hd_birth_flags(int32_t tid)
{
	struct user_regs_struct regs;
	int r = hd_arch_read(tid, &regs);
	if (r < 0)
		return r;
	int64_t nr = hd_arch_call(&regs);
	uint64_t arg0 = hd_arch_arg0(&regs);
	if (nr == HD_NR_CLONE3) { /* struct clone_args begins with the flags */
		errno = 0;
		long flags = ptrace(PTRACE_PEEKDATA, tid, arg0, 0L);
		return errno != 0 ? -errno : flags & INT64_MAX;
	}
	if (nr == HD_NR_CLONE)
		return (int64_t)(uint32_t)arg0;
	if (nr == HD_NR_FORK)
		return 0;
	if (nr == HD_NR_VFORK)
		return CLONE_VM | CLONE_VFORK;
	return -ENOSYS;
}
