/* May this process be guarded or explained, and if not, why and what helps (contract section 8). */
#include "hangdog/procfs.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/num.h"
#include "os/procfile.h"

int hd_yama_scope(void)
{
	char text[16];
	uint64_t scope;
	if (hd_procfile_read(text, sizeof(text), "/proc/sys/kernel/yama/ptrace_scope") <= 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	return hd_parse_u64(text, 10, &scope) == 0 && scope <= 3 ? (int)scope : -1;
}

/* Straight from the file: the libraries behind getpwuid are not there in a static binary. */
static void user_name(uint32_t uid, char *ret, size_t cap)
{
	FILE *users = fopen("/etc/passwd", "re");
	struct passwd *row;
	snprintf(ret, cap, "?");
	while (users != NULL && (row = fgetpwent(users)) != NULL) {
		if (row->pw_uid != uid)
			continue;
		snprintf(ret, cap, "%s", row->pw_name);
		break;
	}
	if (users != NULL)
		fclose(users);
}

static int refuse(int32_t pid, const char *comm, uint32_t uid, struct hd_err *err)
{
	uint32_t me = (uint32_t)geteuid();
	int scope = hd_yama_scope();
	if (me != 0 && uid != me) {
		char name[64];
		user_name(uid, name, sizeof(name));
		return hd_err_set(err, EPERM, "process %d (%s) belongs to user %s (uid %u); run hangdog as that user or as root", pid,
				  comm, name, uid);
	}
	if (scope == 3)
		return hd_err_set(err, EPERM, "process %d (%s): this kernel forbids all tracing until it is rebooted "
				  "(kernel.yama.ptrace_scope = 3); boot with a smaller value", pid, comm);
	if (scope == 2 || (scope == 1 && me != 0))
		return hd_err_set(err, EPERM, "process %d (%s): this kernel lets a user look only into processes that he started from "
				  "the tool itself (kernel.yama.ptrace_scope = %d); run hangdog as root, or start the program with "
				  "`hangdog run`, or allow it: sysctl kernel.yama.ptrace_scope=0", pid, comm, scope);
	if (me == 0)
		return hd_err_set(err, EPERM, "process %d (%s): not permitted although we are root: the capability SYS_PTRACE is missing "
				  "(in a container: docker run --cap-add SYS_PTRACE, or securityContext.capabilities.add in Kubernetes)",
				  pid, comm);
	return hd_err_set(err, EPERM, "process %d (%s) does not let other processes of its user look into it (it is not dumpable: "
			  "it changed its user, or asked for that); run hangdog as root", pid, comm);
}

/* Waits, memory and stacks need the same right as attaching (PTRACE_MODE_ATTACH); `syscall` tells without attaching. */
static int may_read(int32_t pid)
{
	char text[256];
	struct hd_mem_live live;
	ssize_t n = hd_procfile_read(text, sizeof(text), "/proc/%d/syscall", pid);
	if (n < 0)
		return (int)n;
	int r = hd_mem_live_open(&live, pid);
	if (r == 0)
		hd_mem_live_close(&live);
	return r;
}

static int check_kind(int32_t pid, const struct hd_stat *stat, const struct hd_task_status *status, const char *comm, struct hd_err *err)
{
	if ((stat->flags & HD_STAT_KTHREAD) != 0)
		return hd_err_set(err, EINVAL, "process %d (%s) is a thread of the kernel; hangdog looks at programs only", pid, comm);
	if (status->tgid != pid)
		return hd_err_set(err, EINVAL, "%d (%s) is a thread, not a process; give its process: %d", pid, comm, status->tgid);
	/* A leader that called pthread_exit is a zombie in a process that lives on. */
	if ((stat->state == 'Z' && stat->n_threads <= 1) || stat->state == 'X')
		return hd_err_set(err, ESRCH, "process %d (%s) has ended already and only waits to be reaped by its parent: look at that, %d", pid, comm,
				  stat->ppid);
	return 0;
}

int hd_procfs_probe(int32_t pid, bool want_ptrace, struct hd_err *err)
{
	struct hd_stat stat = {0};
	struct hd_task_status status = {0};
	char comm[64], tracer[64];
	int r = hd_procfile_stat(pid, pid, &stat);
	if (r == 0)
		r = hd_procfile_status(pid, pid, &status);
	if (r == -ESRCH)
		return hd_err_set(err, ESRCH, "process %d does not exist: 'ps -e' lists those that do", pid);
	if (r < 0)
		return hd_err_set(err, -r, "process %d: /proc/%d cannot be read: %s", pid, pid, strerror(-r));
	hd_procfile_comm(pid, comm, sizeof(comm));
	r = check_kind(pid, &stat, &status, comm, err);
	if (r < 0)
		return r;
	if (pid == getpid())
		return hd_err_set(err, EINVAL, "process %d is hangdog itself: give the process to look at", pid);
	if (want_ptrace && status.tracer != 0 && status.tracer != getpid()) {
		hd_procfile_comm(status.tracer, tracer, sizeof(tracer));
		return hd_err_set(err, EBUSY, "process %d (%s) is traced by %d (%s) already, and a process has only one tracer; end that "
				  "first", pid, comm, status.tracer, tracer);
	}
	r = stat.state == 'Z' ? 0 : may_read(pid); /* the files of a dead leader say nothing */
	if (r == -ESRCH)
		return hd_err_set(err, ESRCH, "process %d does not exist any more: it ended meanwhile", pid);
	return r < 0 ? refuse(pid, comm, status.uid, err) : 0;
}
