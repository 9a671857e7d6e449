/* The texts of /proc/PID/task/TID/{stat,status,syscall,schedstat,children} as facts.  Pure; every text is hostile.
 * Sources: kernel fs/proc/array.c (do_task_stat, proc_pid_status), fs/proc/base.c (proc_pid_syscall, proc_pid_schedstat).
 * All give 0 or -EINVAL; `ret` is untouched on failure. */
#ifndef HD_PARSE_PROC_TASK_H
#define HD_PARSE_PROC_TASK_H

#include "hangdog/snapshot.h"

#define HD_STAT_KTHREAD 0x00200000u /* PF_KTHREAD, include/linux/sched.h */

struct hd_stat {
	char name[64];        /* kernel worker names are the longest; user tasks have at most 15 bytes */
	char state;           /* field 3 */
	int32_t ppid, pgrp;   /* fields 4 and 5 */
	uint32_t flags;       /* field 9 */
	uint64_t utime, stime;/* fields 14 and 15, clock ticks */
	uint32_t n_threads;   /* field 20 */
	uint64_t start;       /* field 22, clock ticks since boot */
	uint64_t vsize, rss;  /* fields 23 (bytes) and 24 (pages): of the memory, so equal for all who share it */
	uint64_t start_stack; /* field 28; 0 without permission */
};
HD_MUST_CHECK int hd_stat_parse(const char *text, struct hd_stat *ret);

struct hd_task_status {
	char name[32]; /* as printed: line breaks and backslashes escaped */
	char state;
	int32_t tgid, ppid, tracer, ns_tid; /* ns_tid: innermost value of NSpid, 0 = no such line */
	uint32_t uid, n_threads;            /* real user id */
	uint32_t seccomp;                   /* mode: 0 none, 1 strict, 2 filters; 0 too if the kernel was built without */
	bool is_dumping;                    /* CoreDumping: 1 */
	bool has_dumping;                   /* the line exists (kernel 4.15) */
	uint64_t sig_pending, shd_pending, sig_blocked, sig_ignored, sig_caught;
	uint64_t voluntary, involuntary;
};
HD_MUST_CHECK int hd_status_parse(const char *text, struct hd_task_status *ret);

enum hd_syscall_form {
	HD_SYSCALL_RUNNING = 0, /* on a CPU or runnable */
	HD_SYSCALL_OUTSIDE,     /* "-1 sp pc": blocked, but in no system call (page fault, exit) */
	HD_SYSCALL_NUMERIC,
};
struct hd_syscall {
	enum hd_syscall_form form;
	int64_t nr;
	uint64_t args[HD_ARGS], sp, pc;
};
HD_MUST_CHECK int hd_syscall_parse(const char *text, struct hd_syscall *ret);

struct hd_schedstat {
	uint64_t run_ns, wait_ns, runs;
};
HD_MUST_CHECK int hd_schedstat_parse(const char *text, struct hd_schedstat *ret);

#endif
