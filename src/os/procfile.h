/* Small /proc files into buffers on the stack: for the sweeps, where an arena would grow with every look. */
#ifndef HD_OS_PROCFILE_H
#define HD_OS_PROCFILE_H

#include "hangdog/base.h"
#include "parse/proc_task.h"

/* Bytes read (the text is NUL-terminated and cut at cap-1) or negative errno; a task that is gone is always -ESRCH. */
HD_MUST_CHECK ssize_t hd_procfile_read(char *buf, size_t cap, const char *path_fmt, ...) HD_PRINTF(3, 4);
/* From offset 0 of an open file, as above. */
HD_MUST_CHECK ssize_t hd_procfile_pread(int fd, char *buf, size_t cap);

HD_MUST_CHECK int hd_procfile_stat(int32_t pid, int32_t tid, struct hd_stat *ret);
/* /proc/PID/task, to open many of its files; a third cheaper than by whole path each.  Negative errno on failure. */
HD_MUST_CHECK int hd_procfile_tasks(int32_t pid);
HD_MUST_CHECK int hd_procfile_stat_at(int task_fd, int32_t tid, struct hd_stat *ret);
/* Opens one of them: TID/NAME. */
HD_MUST_CHECK int hd_procfile_task_open(int task_fd, int32_t tid, const char *name);
HD_MUST_CHECK int hd_procfile_status(int32_t pid, int32_t tid, struct hd_task_status *ret);
/* Its short name, printable; "" when it is gone. */
void hd_procfile_comm(int32_t pid, char *ret, size_t cap);

/* /proc/sys/kernel/yama/ptrace_scope, 0 to 3; -1 = no Yama in this kernel.  (probe.c) */
int hd_yama_scope(void);

/* Calls fn for every entry of a directory of numbers ("/proc", task, fd), in the kernel's order, until it gives other
 * than 0: that, 0 or negative errno. */
typedef int hd_number_fn(void *ctx, int32_t number);
HD_MUST_CHECK int hd_procfile_numbers(hd_number_fn *fn, void *ctx, const char *path_fmt, ...) HD_PRINTF(3, 4);

#endif
