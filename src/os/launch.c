/* Starting COMMAND: the child waits until it is seized, then becomes COMMAND with everything as hangdog was started.
 * Between fork and exec nothing is called that is not async-signal-safe. */
#include <errno.h>
#include <signal.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>

#include "hangdog/procfs.h"
#include "hangdog/signals.h"
#include "os/procfile.h"
#include "os/tracer_priv.h"

extern char **environ;

struct pipes {
	int go[2];  /* one byte, or the end of hangdog, lets the child exec */
	int err[2]; /* errno of a failed exec; closed by a good one */
};

static void close_pipes(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		hd_close_fd(&p->go[i]);
		hd_close_fd(&p->err[i]);
	}
}

static bool has_name(const char *entry, const char *added)
{
	size_t len = strcspn(added, "=");
	return strncmp(entry, added, len) == 0 && entry[len] == '=';
}

/* The environment with additions; borrows all texts.  The caller frees the array. */
static char **with_additions(const char *const *add)
{
	struct {
		char **at;
		size_t n, cap;
	} env = {0};
	for (char **e = environ; e != NULL && *e != NULL; e++) {
		bool is_replaced = false;
		for (const char *const *a = add; a != NULL && *a != NULL; a++)
			is_replaced |= has_name(*e, *a);
		if (!is_replaced)
			HD_VEC_PUSH(&env, *e);
	}
	for (const char *const *a = add; a != NULL && *a != NULL; a++)
		HD_VEC_PUSH(&env, (char *)*a);
	HD_VEC_PUSH(&env, NULL);
	return env.at;
}

_Noreturn static void become(const struct hd_launch *launch, char **env, const struct pipes *p)
{
	char byte;
	close(p->go[1]);
	close(p->err[0]);
	if (launch->die_with_me && !launch->seize)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(p->go[0], &byte, 1) < 0 && errno == EINTR)
		; /* end of file: hangdog is gone; the command does not need it */
	if (launch->signals != NULL)
		hd_signals_restore(launch->signals);
	execvpe(launch->argv[0], launch->argv, env);
	int32_t code = errno;
	ssize_t ignored = write(p->err[1], &code, sizeof(code));
	(void)ignored; /* nobody is left to be told */
	_exit(127);
}

/* Waits for exec to succeed (0) or fail (errno), answering stops meanwhile: a signal may come before the exec. */
static int32_t exec_result(struct hd_tracer *t, int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int32_t code = 0;
	while (poll(&ready, 1, 5) <= 0 && !t->root_ended) {
		while (hd_tracer_step(t))
			;
	}
	ssize_t n;
	do
		n = read(fd, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(code) ? code : 0;
}

static void reap_root(struct hd_tracer *t)
{
	while (!t->root_ended) {
		if (!hd_tracer_step(t))
			poll(NULL, 0, 1);
	}
}

/* A traced hangdog (another hangdog, strace, a debugger that follows forks) has children that are traced from birth. */
static int seize_error(struct hd_err *err, int code)
{
	struct hd_task_status self;
	if (hd_procfile_status(getpid(), getpid(), &self) == 0 && self.tracer != 0) {
		char comm[64];
		hd_procfile_comm(self.tracer, comm, sizeof(comm));
		return hd_err_set(err, code,
				  "cannot trace the command: process %d (%s) traces hangdog itself and all that it starts, and a process "
				  "has only one tracer; `--follow observe` guards without tracing",
				  self.tracer, comm);
	}
	return hd_err_set(err, code,
			  "cannot trace the command: %s; `hangdog doctor` says what forbids it, "
			  "`--follow observe` guards without tracing",
			  strerror(code));
}

/* Registers the child with the tracer: 0 or negative errno. */
static int take_child(struct hd_tracer *t, const struct hd_launch *launch, int32_t pid)
{
	t->root = pid;
	t->root_ended = false;
	t->is_parent = true;
	t->root_stop = 0;
	t->n_deliveries = 0;
	if (!launch->seize) {
		t->is_observing = true;
		prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans come to us instead of leaving our sight */
		hd_observe_add(t, pid, 0);
		return 0;
	}
	uintptr_t options = t->options | (launch->die_with_me ? PTRACE_O_EXITKILL : 0);
	if (ptrace(PTRACE_SEIZE, pid, 0L, options) != 0)
		return -errno;
	hd_tracer_insert(t, pid, pid);
	hd_tracer_tell_found(t, pid, 0);
	return 0;
}

/* What execvpe said of COMMAND, and what helps. */
static int exec_error(const char *command, int code, struct hd_err *err)
{
	static const struct {
		int code;
		const char *text;
	} known[] = {
		{EACCES, "it may not be executed: 'chmod +x' it, or name its interpreter before it (python3 FILE)"},
		{ENOEXEC, "it is no program that this machine can run: name its interpreter before it, or build it for this machine"},
		{ENOTDIR, "a part of the path is not a folder: correct the path"},
		{ETXTBSY, "somebody is still writing it: wait until it is complete"},
		{E2BIG, "its arguments and environment are too long: pass them in a file"},
	};
	struct stat st;
	bool is_path = strchr(command, '/') != NULL;
	if (*command == '\0')
		return hd_err_set(err, code, "COMMAND is empty: name the program to run");
	if (code == ENOENT && !is_path)
		return hd_err_set(err, code, "%.200s: not found in PATH: install it, or give its path", command);
	if (code == ENOENT && stat(command, &st) == 0)
		return hd_err_set(err, code, "%.200s: the interpreter or loader that it names is not found: see its first line, or 'file'", command);
	if (code == ENOENT)
		return hd_err_set(err, code, "%.200s: not found: correct the path", command);
	if (code == EACCES && is_path && stat(command, &st) == 0 && S_ISDIR(st.st_mode))
		return hd_err_set(err, code, "%.200s: it is a folder: name a program in it", command);
	for (size_t i = 0; i < HD_COUNTOF(known); i++) {
		if (known[i].code == code)
			return hd_err_set(err, code, "%.200s: %s", command, known[i].text);
	}
	return hd_err_set(err, code, "%.200s: cannot be run: %s", command, strerror(code));
}

static int run_child(struct hd_tracer *t, const struct hd_launch *launch, struct pipes *p, int32_t pid, bool *ret_exec_failed,
		     struct hd_err *err)
{
	hd_close_fd(&p->go[0]);
	hd_close_fd(&p->err[1]);
	int r = take_child(t, launch, pid);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		t->root = 0;
		return seize_error(err, -r);
	}
	ssize_t ignored = write(p->go[1], "g", 1);
	(void)ignored; /* EPIPE: it was killed meanwhile, which exec_result sees */
	int32_t code = exec_result(t, p->err[0]);
	if (code == 0)
		return 0;
	reap_root(t);
	t->root = 0;
	*ret_exec_failed = true;
	return exec_error(launch->argv[0], code, err);
}

int hd_tracer_launch(struct hd_tracer *t, const struct hd_launch *launch, int32_t *ret_pid, bool *ret_exec_failed,
		     struct hd_err *err)
{
	HD_CLEAN(close_pipes) struct pipes p = {{-1, -1}, {-1, -1}};
	if (pipe2(p.go, O_CLOEXEC) != 0 || pipe2(p.err, O_CLOEXEC) != 0)
		return hd_err_set(err, errno, "cannot make a pipe: %s", strerror(errno));
	char **env = with_additions(launch->env_add);
	pid_t pid = fork();
	if (pid == 0)
		become(launch, env, &p);
	free(env);
	if (pid < 0)
		return hd_err_set(err, errno, "cannot start a process: %s", strerror(errno));
	int r = run_child(t, launch, &p, pid, ret_exec_failed, err);
	if (r == 0)
		*ret_pid = pid;
	return r;
}
