/* What this kernel offers. */
#include <errno.h>
#include <linux/kcmp.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "hangdog/num.h"
#include "os/checks.h"
#include "os/procfile.h"

#define MAJOR_MIN 4 /* 4.8: ptrace stops before the filter of system calls; older kernels were never tried */

void hd_check_kernel(struct hd_checkup *c, struct hd_finding *f)
{
	struct utsname u;
	if (uname(&u) != 0)
		memset(&u, 0, sizeof(u));
	if (strcmp(u.machine, "x86_64") != 0)
		hd_check_bad(c, f, HD_LEVEL_WARN, "use an x86-64 machine", "Linux %s on %s: only x86-64 is supported", u.release, u.machine);
	else if (strtoul(u.release, NULL, 10) < MAJOR_MIN)
		hd_check_bad(c, f, HD_LEVEL_WARN, "use Linux 4.8 or newer", "Linux %s is older than what hangdog was tried on", u.release);
	else
		hd_check_ok(c, f, "Linux %s on %s", u.release, u.machine);
}

void hd_check_kcmp(struct hd_checkup *c, struct hd_finding *f)
{
	if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0) == 0)
		hd_check_ok(c, f, "it can be told which processes share memory and descriptors");
	else
		hd_check_bad(c, f, HD_LEVEL_WARN,
			     errno == ENOSYS ? "use a kernel with CONFIG_KCMP" : hd_check_grant(c),
			     "which processes share memory cannot be asked (%s): less can be proven, the rest works", strerror(errno));
}

void hd_check_pidfd(struct hd_checkup *c, struct hd_finding *f)
{
	HD_CLEAN_FD int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (fd >= 0 && syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0)
		hd_check_ok(c, f, "processes can be ended without mistaking one for another");
	else
		hd_check_bad(c, f, HD_LEVEL_WARN, errno == ENOSYS ? "use Linux 5.3 or newer" : "use a seccomp profile that allows pidfd_open",
			     "not available (%s): --on-hang kill and restart cannot end a tree", strerror(errno));
}

void hd_check_schedstat(struct hd_checkup *c, struct hd_finding *f)
{
	char text[128];
	struct hd_schedstat stat;
	if (hd_procfile_read(text, sizeof(text), "/proc/self/schedstat") > 0 && hd_schedstat_parse(text, &stat) == 0 && stat.runs > 0)
		hd_check_ok(c, f, "it can be told cheaply that a thread did not move");
	else
		hd_check_bad(c, f, HD_LEVEL_WARN, "use a kernel with CONFIG_SCHED_INFO",
			     "not in this kernel: the counters of /proc/PID/status serve instead, looks cost more");
}

/* Any answer will do, also an empty list. */
static int ask_sockets(void)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req ask;
	} message = {
		.head = {.nlmsg_len = sizeof(message), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.ask = {.sdiag_family = AF_UNIX, .udiag_states = UINT32_MAX, .udiag_show = UDIAG_SHOW_PEER},
	};
	char answer[16384];
	HD_CLEAN_FD int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0 || send(fd, &message, sizeof(message), 0) < 0)
		return -errno;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	if (poll(&ready, 1, 2000) != 1)
		return -ETIMEDOUT;
	ssize_t n = recv(fd, answer, sizeof(answer), 0);
	if (n < (ssize_t)sizeof(struct nlmsghdr))
		return n < 0 ? -errno : -EIO;
	const struct nlmsghdr *head = (const struct nlmsghdr *)(const void *)answer;
	if (head->nlmsg_type != NLMSG_ERROR)
		return 0;
	return n >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) ? ((const struct nlmsgerr *)NLMSG_DATA(head))->error : -EIO;
}

void hd_check_sock_diag(struct hd_checkup *c, struct hd_finding *f)
{
	int r = ask_sockets();
	if (r == 0)
		hd_check_ok(c, f, "it can be told who holds the other end of a socket");
	else
		hd_check_bad(c, f, HD_LEVEL_WARN, "load the kernel modules unix_diag and inet_diag, or use a seccomp profile that allows netlink",
			     "the other ends of sockets cannot be asked for (%s): waits on sockets are never proven", strerror(-r));
}

/* /proc of another PID namespace shows numbers that mean somebody else here. */
void hd_check_proc(struct hd_checkup *c, struct hd_finding *f)
{
	char target[32];
	uint64_t pid = 0;
	ssize_t n = readlink("/proc/self", target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		hd_check_bad(c, f, HD_LEVEL_FAIL, "mount -t proc proc /proc", "/proc is not mounted");
	else if (hd_parse_u64(target, 10, &pid) != 0 || pid != (uint64_t)getpid())
		hd_check_bad(c, f, HD_LEVEL_FAIL, "mount -t proc proc /proc (with unshare: --mount-proc)",
			     "/proc belongs to another PID namespace: we are %d, it says %s", getpid(), target);
	else
		hd_check_ok(c, f, "mounted, and of this PID namespace");
}

/* The options of the mount at /proc, behind " - " in mountinfo. */
static bool proc_option(const char *mountinfo, const char *key, char *ret, size_t cap)
{
	bool found = false;
	for (const char *line = mountinfo; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		const char *at = memmem(line, len, " /proc ", 7) != NULL ? memmem(line, len, " - proc ", 8) : NULL;
		const char *value = at != NULL ? memmem(at, len - (size_t)(at - line), key, strlen(key)) : NULL;
		if (at != NULL)
			found = value != NULL; /* the newest mount is the last, and covers the others */
		if (value != NULL)
			snprintf(ret, cap, "%.*s", (int)strcspn(value + strlen(key), ",\n "), value + strlen(key));
		line += len + (line[len] == '\n');
	}
	return found;
}

void hd_check_hidepid(struct hd_checkup *c, struct hd_finding *f)
{
	char text[65536], value[32];
	bool is_hiding = hd_procfile_read(text, sizeof(text), "/proc/self/mountinfo") > 0 &&
			 proc_option(text, "hidepid=", value, sizeof(value)) && strcmp(value, "0") != 0 && strcmp(value, "off") != 0;
	if (!is_hiding)
		hd_check_ok(c, f, "processes of all users can be seen");
	else if (c->has_ptrace_cap)
		hd_check_ok(c, f, "/proc hides other users' processes (hidepid=%s), not from us", value);
	else
		hd_check_bad(c, f, HD_LEVEL_WARN, "sudo mount -o remount,hidepid=0 /proc, or run hangdog as root",
			     "/proc hides other users' processes (hidepid=%s): what they could share is never part of a proof", value);
}
