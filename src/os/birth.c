/* What kind of birth: the clone flags, read from the call that the creator stands in.
 * The event alone does not tell: clone(CLONE_VM|SIGCHLD) is reported as a fork (kernel/fork.c, kernel_clone). */
#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "os/tracer_priv.h"

struct call {
	int64_t nr;
	uint64_t arg0;
};

#if defined(__x86_64__)
enum { NR_CLONE = 56, NR_FORK = 57, NR_VFORK = 58, NR_CLONE3 = 435 };

static int read_call(int32_t tid, struct call *ret)
{
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof(regs)};
	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) != 0)
		return -errno;
	if (iov.iov_len != sizeof(regs))
		return -ENOSYS; /* a 32-bit task gives the short i386 layout */
	*ret = (struct call){(int64_t)regs.orig_rax, regs.rdi};
	return 0;
}
#elif defined(__aarch64__)
enum { NR_CLONE = 220, NR_CLONE3 = 435, NR_FORK = -2, NR_VFORK = -3 };

static int read_call(int32_t tid, struct call *ret)
{
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof(regs)};
	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) != 0)
		return -errno;
	if (iov.iov_len != sizeof(regs))
		return -ENOSYS;
	*ret = (struct call){(int64_t)regs.regs[8], regs.regs[0]};
	return 0;
}
#endif

int64_t hd_birth_flags(int32_t tid)
{
	struct call call = {0};
	int r = read_call(tid, &call);
	if (r < 0)
		return r;
	if (call.nr == NR_CLONE3) { /* struct clone_args begins with the flags */
		errno = 0;
		long flags = ptrace(PTRACE_PEEKDATA, tid, call.arg0, 0L);
		return errno != 0 ? -errno : flags & INT64_MAX;
	}
	if (call.nr == NR_CLONE)
		return (int64_t)(uint32_t)call.arg0;
	if (call.nr == NR_FORK)
		return 0;
	if (call.nr == NR_VFORK)
		return CLONE_VM | CLONE_VFORK;
	return -ENOSYS;
}
