#include "os/checks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "hangdog/buf.h"
#include "hangdog/door.h"
#include "hangdog/maps.h"
#include "hangdog/num.h"
#include "hangdog/procfs.h"
#include "os/interp.h"
#include "os/procfile.h"

enum {
	CAP_SYS_PTRACE_BIT = 19,        /* include/uapi/linux/capability.h */
	PID_NS_INIT_INO = 0xEFFFFFFC, /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
};

HD_PRINTF(3, 0) static void set_found(struct hd_checkup *c, struct hd_finding *f, const char *fmt, va_list ap)
{
	struct hd_buf text HD_CLEAN_BUF = {0};
	hd_buf_vprintf(&text, fmt, ap);
	f->found = hd_arena_str(c->arena, hd_buf_text(&text));
}

void hd_check_ok(struct hd_checkup *c, struct hd_finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set_found(c, f, fmt, ap);
	va_end(ap);
	f->level = HD_LEVEL_OK;
}

void hd_check_bad(struct hd_checkup *c, struct hd_finding *f, enum hd_level level, const char *remedy, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set_found(c, f, fmt, ap);
	va_end(ap);
	f->level = level;
	f->remedy = remedy;
}

/* ---- where we are ------------------------------------------------------------------------------------------------ */

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static enum hd_place_kind place_kind(void)
{
	char text[4096];
	if (getenv("COLAB_RELEASE_TAG") != NULL || getenv("COLAB_GPU") != NULL)
		return HD_PLACE_COLAB;
	if (getenv("KUBERNETES_SERVICE_HOST") != NULL || exists("/var/run/secrets/kubernetes.io"))
		return HD_PLACE_KUBERNETES;
	if (exists("/.dockerenv"))
		return HD_PLACE_DOCKER;
	if (exists("/run/.containerenv"))
		return HD_PLACE_PODMAN;
	if (getenv("container") != NULL)
		return HD_PLACE_OTHER_CONTAINER;
	if (hd_procfile_read(text, sizeof(text), "/proc/1/cgroup") > 0) {
		if (strstr(text, "kubepods") != NULL)
			return HD_PLACE_KUBERNETES;
		if (strstr(text, "docker") != NULL)
			return HD_PLACE_DOCKER;
		if (strstr(text, "lxc") != NULL)
			return HD_PLACE_OTHER_CONTAINER;
	}
	return HD_PLACE_PLAIN;
}

/* The number behind "KEY:\t" of /proc/self/status; -1 = no such line. */
static int64_t own_status(const char *key, unsigned base)
{
	char text[8192], number[32];
	uint64_t value;
	size_t len = strlen(key);
	if (hd_procfile_read(text, sizeof(text), "/proc/self/status") <= 0)
		return -1;
	for (const char *line = text; line != NULL; line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, key, len) != 0 || line[len] != ':')
			continue;
		line += len + 1 + strspn(line + len + 1, " \t");
		snprintf(number, sizeof(number), "%.*s", (int)strcspn(line, "\n"), line);
		return hd_parse_u64(number, base, &value) == 0 ? (int64_t)value : -1;
	}
	return -1;
}

/* gVisor always gives the same version (google/gvisor pkg/sentry/kernel/version.go and its syscall tables). */
static bool is_gvisor(void)
{
	struct utsname u;
	return uname(&u) == 0 && strcmp(u.version, "#1 SMP Sun Jan 10 15:06:54 PST 2016") == 0;
}

static void look_around(struct hd_checkup *c)
{
	struct stat ns;
	int64_t caps = own_status("CapEff", 16);
	c->place = place_kind();
	c->is_gvisor = is_gvisor();
	c->has_own_pid_ns = stat("/proc/self/ns/pid", &ns) == 0 && ns.st_ino != PID_NS_INIT_INO;
	c->has_ptrace_cap = caps >= 0 && (caps >> CAP_SYS_PTRACE_BIT & 1) != 0;
	c->is_root = geteuid() == 0;
	c->seccomp = (int)own_status("Seccomp", 10);
	c->yama = hd_yama_scope();
	hd_trial_child(&c->child);
	hd_trial_stranger(&c->stranger);
}

const char *hd_check_grant(const struct hd_checkup *c)
{
	static const char *const by_place[] = {
		[HD_PLACE_PLAIN] = "run hangdog as root, or: sudo setcap cap_sys_ptrace+ep \"$(command -v hangdog)\"",
		[HD_PLACE_DOCKER] = "docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined ...",
		[HD_PLACE_PODMAN] = "podman run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined ...",
		[HD_PLACE_KUBERNETES] = "in the container: securityContext: {capabilities: {add: [\"SYS_PTRACE\"]}, seccompProfile: {type: Unconfined}}",
		[HD_PLACE_COLAB] = "start the program with hangdog, which needs no more rights; in a cell: !hangdog run -- python train.py",
		[HD_PLACE_OTHER_CONTAINER] = "give the container the capability SYS_PTRACE and a seccomp profile that allows ptrace",
	};
	return by_place[c->place];
}

/* ---- permissions ------------------------------------------------------------------------------------------------- */

static void check_trace(struct hd_checkup *c, struct hd_finding *f)
{
	const struct hd_trial *t = &c->child;
	if (t->seize == 0 && t->stop == 0 && t->syscall_file == 0 && t->memory == 0)
		hd_check_ok(c, f, "a command that hangdog starts can be traced and read");
	else if (t->syscall_file == -ENOENT)
		hd_check_bad(c, f, HD_LEVEL_FAIL,
			     c->is_gvisor ? "run in a container without gVisor (runtimeClassName: runc; docker run --runtime=runc)"
					  : "use a kernel built with CONFIG_HAVE_ARCH_TRACEHOOK",
			     "this kernel does not tell what a thread waits for (/proc/PID/syscall is missing)");
	else if (t->syscall_file != 0 || t->memory != 0)
		hd_check_bad(c, f, HD_LEVEL_FAIL, hd_check_grant(c), "even a command that hangdog starts itself may not be looked into (%s)",
			     strerror(t->syscall_file != 0 ? -t->syscall_file : -t->memory));
	else
		hd_check_bad(c, f, HD_LEVEL_WARN,
			     hd_arena_printf(c->arena, "%s; without it: hangdog run --follow observe (forks are not seen as they happen)",
					     c->yama == 3 ? "boot with kernel.yama.ptrace_scope < 3" : hd_check_grant(c)),
			     "a command that hangdog starts can be read, but not traced (ptrace: %s)",
			     strerror(t->seize != 0 ? -t->seize : -t->stop));
}

static void check_attach(struct hd_checkup *c, struct hd_finding *f)
{
	const struct hd_trial *t = &c->stranger;
	if (t->seize == 0 && t->syscall_file == 0 && t->memory == 0) {
		hd_check_ok(c, f, "programs that run already can be looked into%s", c->is_root && c->has_ptrace_cap ? "" : " (those of this user)");
		return;
	}
	const char *remedy = hd_check_grant(c);
	if (c->yama > 0 && c->yama < 3)
		remedy = hd_arena_printf(c->arena, "start it with hangdog run, or: sudo sysctl kernel.yama.ptrace_scope=0, or %s", remedy);
	hd_check_bad(c, f, HD_LEVEL_WARN, remedy, "programs that hangdog did not start cannot be %s (%s): attach, why and dump fail on them",
		     t->syscall_file != 0 || t->memory != 0 ? "looked into" : "traced",
		     strerror(t->syscall_file != 0 ? -t->syscall_file : t->memory != 0 ? -t->memory : -t->seize));
}

static void check_yama(struct hd_checkup *c, struct hd_finding *f)
{
	static const char *const means[] = {"any program of the same user may be looked into",
					    "only descendants may be looked into, except by root",
					    "only root may look into others", "nobody may trace anybody until the next boot"};
	if (c->yama < 0)
		hd_check_ok(c, f, "not in this kernel: it forbids nothing");
	else if (c->yama == 0 || (c->has_ptrace_cap && c->yama < 3))
		hd_check_ok(c, f, "kernel.yama.ptrace_scope = %d: %s", c->yama, means[c->yama]);
	else
		hd_check_bad(c, f, c->yama == 3 ? HD_LEVEL_FAIL : HD_LEVEL_WARN,
			     c->yama == 3 ? "boot with a smaller value (look in /etc/sysctl.d)"
					  : "sudo sysctl kernel.yama.ptrace_scope=0 (to stay: echo kernel.yama.ptrace_scope=0 | sudo tee "
					    "/etc/sysctl.d/10-ptrace.conf)",
			     "kernel.yama.ptrace_scope = %d: %s", c->yama, means[c->yama]);
}

static void check_capability(struct hd_checkup *c, struct hd_finding *f)
{
	if (c->has_ptrace_cap)
		hd_check_ok(c, f, "SYS_PTRACE is there: programs of all users can be looked into");
	else if (!c->is_root)
		hd_check_ok(c, f, "SYS_PTRACE is not there: programs of this user only, which is what most people need");
	else
		hd_check_bad(c, f, HD_LEVEL_WARN, hd_check_grant(c), "we are root, but without SYS_PTRACE: programs of other users cannot be looked into");
}

static void check_seccomp(struct hd_checkup *c, struct hd_finding *f)
{
	if (c->seccomp <= 0)
		hd_check_ok(c, f, "no filter of system calls");
	else if (c->child.seize == 0)
		hd_check_ok(c, f, "a filter of system calls is in force, and allows ptrace");
	else
		hd_check_bad(c, f, HD_LEVEL_WARN,
			     c->place == HD_PLACE_PLAIN ? "let who installed the filter allow ptrace (systemd: SystemCallFilter=@debug)"
							: hd_check_grant(c),
			     "a filter of system calls is in force, and forbids ptrace (%s)", strerror(-c->child.seize));
}

static void check_container(struct hd_checkup *c, struct hd_finding *f)
{
	static const char *const names[] = {"no container that we know", "Docker", "Podman", "Kubernetes", "Google Colab", "a container"};
	if (c->is_gvisor)
		hd_check_bad(c, f, HD_LEVEL_FAIL, "run in a container without gVisor (runtimeClassName: runc; docker run --runtime=runc)",
			     "gVisor: its /proc does not tell what a thread waits for");
	else if (c->place == HD_PLACE_COLAB)
		hd_check_ok(c, f, "Google Colab; in a cell: !hangdog run --on-hang restart -- python train.py");
	else if (c->has_own_pid_ns)
		hd_check_ok(c, f, "%s, with its own process numbers: only processes in here are seen, so a pipe or lock that comes from "
			    "outside can never be part of a proof", c->place == HD_PLACE_PLAIN ? "a PID namespace" : names[c->place]);
	else
		hd_check_ok(c, f, "%s", names[c->place]);
}

/* ---- one process ------------------------------------------------------------------------------------------------- */

static void check_process(struct hd_checkup *c, struct hd_finding *f)
{
	struct hd_err err = {0};
	struct hd_task_status status = {0};
	int32_t pid = c->what->pid, supervisor = hd_door_find(pid, c->arena);
	bool is_ours = hd_procfile_status(pid, pid, &status) == 0 && status.uid == geteuid();
	if (supervisor > 0)
		hd_check_ok(c, f, "guarded by hangdog %d: why, dump, top and ctl go through it", supervisor);
	else if (hd_procfs_probe(pid, /* want_ptrace= */ true, &err) == 0)
		hd_check_ok(c, f, "can be guarded; nobody traces it");
	else
		hd_check_bad(c, f, HD_LEVEL_FAIL, is_ours || c->is_root ? hd_check_grant(c) : "sudo hangdog ..., or as that user", "%s", err.text);
	if (err.code == EBUSY)
		f->remedy = "end that debugger first; 'hangdog why' works beside it";
}

static void check_python(struct hd_checkup *c, struct hd_finding *f)
{
	struct hd_mem_live live;
	struct hd_maps maps;
	struct hd_elf_live elf;
	struct hd_python *py;
	int32_t pid = c->what->pid;
	int r = hd_procfs_maps(pid, c->arena, &maps);
	if (r == 0)
		r = hd_mem_live_open(&live, pid);
	if (r < 0) {
		hd_check_bad(c, f, HD_LEVEL_WARN, "as above", "its memory cannot be read: %s", strerror(-r));
		return;
	}
	hd_elf_live_init(&elf, pid);
	r = hd_python_find(&live.mem, &maps, &elf.port, &py);
	hd_elf_live_close(&elf);
	if (r == 0) {
		hd_check_ok(c, f, "CPython %s%s: its stacks and locks can be read", hd_python_version(py),
			    hd_python_is_free_threaded(py) ? " (free-threaded)" : "");
		hd_python_free(py);
	} else {
		hd_check_ok(c, f, "no CPython 3.8 to 3.15 in there: native stacks only");
	}
	hd_mem_live_close(&live);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static const struct {
	const char *id, *title;
	bool needs_pid;
	hd_check_fn *fn;
} checks[] = {
	{"trace", "starting and tracing", false, check_trace},
	{"attach", "running programs", false, check_attach},
	{"capability", "capabilities", false, check_capability},
	{"yama", "Yama", false, check_yama},
	{"seccomp", "seccomp", false, check_seccomp},
	{"container", "container", false, check_container},
	{"proc", "/proc", false, hd_check_proc},
	{"hidepid", "hidepid", false, hd_check_hidepid},
	{"kernel", "kernel", false, hd_check_kernel},
	{"schedstat", "schedstat", false, hd_check_schedstat},
	{"kcmp", "kcmp", false, hd_check_kcmp},
	{"pidfd", "pidfd", false, hd_check_pidfd},
	{"sock_diag", "sock_diag", false, hd_check_sock_diag},
	{"terminal", "terminal", false, hd_check_terminal},
	{"incidents", "incidents", false, hd_check_incidents},
	{"socket", "control socket", false, hd_check_socket},
	{"process", "the process", true, check_process},
	{"python", "its Python", true, check_python},
};

size_t hd_checks_run(const struct hd_checks_for *what, struct hd_arena *arena, struct hd_finding *ret)
{
	struct hd_checkup c = {.what = what, .arena = arena};
	size_t n = 0;
	_Static_assert(HD_COUNTOF(checks) <= HD_FINDINGS_MAX, "a table with more rows than callers have room for");
	look_around(&c);
	for (size_t i = 0; i < HD_COUNTOF(checks); i++) {
		if (checks[i].needs_pid && what->pid == 0)
			continue;
		ret[n] = (struct hd_finding){.id = checks[i].id, .title = checks[i].title};
		checks[i].fn(&c, &ret[n++]);
	}
	return n;
}
