/* The one place that knows the processor: the registers of a stopped thread, and how it makes a system call.
 * Sources: Linux arch/x86/include/uapi/asm/ptrace.h and arch/arm64/include/uapi/asm/ptrace.h, and their syscall(2) registers.
 * What the pure floors decide from (numbers of calls in syscalls.def, layouts of locks and of thread control blocks) and the
 * unwinder are those of x86-64: on another processor hangdog compiles up to here, and proves nothing. */
#ifndef OS_ARCH_H
#define OS_ARCH_H

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "hangdog/unwind.h"

/* -ESRCH: it does not stand any more; -ENOSYS: it is a task of another word length, whose layout is a shorter one. */
static inline int hd_arch_read(int32_t tid, struct user_regs_struct *ret)
{
	struct iovec iov = {ret, sizeof(*ret)};
	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) != 0)
		return -errno;
	return iov.iov_len == sizeof(*ret) ? 0 : -ENOSYS;
}

#if defined(__x86_64__)
enum { HD_NR_CLONE = 56, HD_NR_FORK = 57, HD_NR_VFORK = 58, HD_NR_CLONE3 = 435 };

static inline struct hd_regs hd_arch_regs(const struct user_regs_struct *u)
{
	/* DWARF order: rax rdx rcx rbx rsi rdi rbp rsp r8..r15 rip. */
	return (struct hd_regs){.sp = u->rsp, .pc = u->rip, .fp = u->rbp, .fp_known = true, .all_known = true,
				.gp = {u->rax, u->rdx, u->rcx, u->rbx, u->rsi, u->rdi, u->rbp, u->rsp, u->r8, u->r9, u->r10,
				       u->r11, u->r12, u->r13, u->r14, u->r15, u->rip}};
}

/* What a system call leaves untouched of the registers that its arguments are in: rdi rsi rdx r10 r8 r9. */
static inline struct hd_regs hd_arch_regs_in_call(uint64_t sp, uint64_t pc, const uint64_t args[6])
{
	static const uint8_t reg[] = {5, 4, 1, 10, 8, 9};
	struct hd_regs regs = {.sp = sp, .pc = pc};
	for (unsigned i = 0; i < sizeof(reg); i++) {
		regs.gp[reg[i]] = args[i];
		regs.gp_known |= 1u << reg[i];
	}
	return regs;
}

static inline int64_t hd_arch_call(const struct user_regs_struct *u)
{
	return (int64_t)u->orig_rax;
}

static inline uint64_t hd_arch_arg0(const struct user_regs_struct *u)
{
	return u->rdi;
}

/* Of the thread control block; 0 = not among these registers. */
static inline uint64_t hd_arch_tls(const struct user_regs_struct *u)
{
	return u->fs_base;
}
#elif defined(__aarch64__)
enum { HD_NR_CLONE = 220, HD_NR_CLONE3 = 435, HD_NR_FORK = -2, HD_NR_VFORK = -3 }; /* no such calls */

static inline struct hd_regs hd_arch_regs(const struct user_regs_struct *u)
{
	return (struct hd_regs){.sp = u->sp, .pc = u->pc, .fp = u->regs[29], .fp_known = true};
}

static inline struct hd_regs hd_arch_regs_in_call(uint64_t sp, uint64_t pc, const uint64_t args[6])
{
	(void)args;
	return (struct hd_regs){.sp = sp, .pc = pc};
}

static inline int64_t hd_arch_call(const struct user_regs_struct *u)
{
	return (int64_t)u->regs[8];
}

/* Before the call returns; afterwards the result stands there. */
static inline uint64_t hd_arch_arg0(const struct user_regs_struct *u)
{
	return u->regs[0];
}

static inline uint64_t hd_arch_tls(const struct user_regs_struct *u)
{
	(void)u;
	return 0;
}
#else
#error "hangdog knows the registers of x86-64 and aarch64"
#endif

#endif
