#include "hangdog/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "hangdog/clock.h"
#include "hangdog/tracer.h"
#include "os/procfile.h"
#include "os/tracer_priv.h"

/* One kill(2) of a group reaches all members within one system call; tools that loop over pids need little more. */
#define GROUP_KILL_NS (50 * HD_NS_PER_MS)
#define STOP_WAIT_NS HD_NS_PER_S
#define RETRY_NS (5 * HD_NS_PER_MS)

struct pending {
	struct signalfd_siginfo info;
	int64_t since_ns; /* CLOCK_MONOTONIC */
};

struct hd_signals {
	enum hd_signals_role role;
	int fd;
	sigset_t blocked_before;
	uint64_t ignored_before; /* bit n-1 = signal n */
	struct pending pending[NSIG];
	size_t n_pending;
};

/* Faults are ours; 32 and 33 belong to the C library. */
static bool is_ours_to_take(int signal)
{
	static const uint8_t never[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, 32, 33};
	return memchr(never, signal, sizeof(never)) == NULL;
}

static void fill_stdio(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

static uint64_t ignored_now(void)
{
	uint64_t ignored = 0;
	struct sigaction action;
	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			ignored |= UINT64_C(1) << (sig - 1);
	}
	return ignored;
}

int hd_signals_new(enum hd_signals_role role, struct hd_signals **ret, struct hd_err *err)
{
	struct hd_signals *s = calloc(1, sizeof(*s));
	sigset_t taken;
	if (s == NULL)
		abort();
	fill_stdio();
	s->role = role;
	s->ignored_before = ignored_now();
	sigemptyset(&taken);
	for (int sig = 1; sig < NSIG; sig++) {
		if (is_ours_to_take(sig))
			sigaddset(&taken, sig);
	}
	sigprocmask(SIG_BLOCK, &taken, &s->blocked_before);
	signal(SIGCHLD, SIG_DFL); /* inherited as ignored it would reap our children unseen */
	s->fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd >= 0) {
		*ret = s;
		return 0;
	}
	int r = hd_err_set(err, errno, "cannot watch for signals: %s", strerror(errno));
	hd_signals_free(s);
	return r;
}

void hd_signals_restore(const struct hd_signals *s)
{
	struct sigaction action;
	for (int sig = 1; sig < NSIG; sig++) {
		bool was_ignored = (s->ignored_before >> (sig - 1) & 1) != 0;
		if (sigaction(sig, NULL, &action) != 0 || (action.sa_handler == SIG_IGN) == was_ignored)
			continue;
		action = (struct sigaction){.sa_handler = was_ignored ? SIG_IGN : SIG_DFL};
		sigaction(sig, &action, NULL);
	}
	sigprocmask(SIG_SETMASK, &s->blocked_before, NULL);
}

void hd_signals_free(struct hd_signals *s)
{
	if (s == NULL)
		return;
	hd_signals_restore(s);
	hd_close_fd(&s->fd);
	free(s);
}

int hd_signals_fd(const struct hd_signals *s)
{
	return s->fd;
}

/* ---- forwarding ------------------------------------------------------------------------------------------------ */

static bool is_stop_signal(uint32_t sig)
{
	return sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* Queued signals keep their sender and value; the kernel lets nobody claim to be another's plain kill. */
static void send_on(int32_t root, const struct signalfd_siginfo *info)
{
	siginfo_t out = {0};
	if (info->ssi_code >= 0 || info->ssi_code == SI_TKILL) {
		kill(root, (int)info->ssi_signo);
		return;
	}
	out.si_signo = (int)info->ssi_signo;
	out.si_code = info->ssi_code;
	out.si_pid = (pid_t)info->ssi_pid;
	out.si_uid = info->ssi_uid;
	out.si_value.sival_ptr = (void *)(uintptr_t)info->ssi_ptr;
	syscall(SYS_rt_sigqueueinfo, root, info->ssi_signo, &out);
}

/* Sent, but not delivered yet: blocked, or the root has not run since. */
static bool is_pending_at(int32_t root, uint32_t sig)
{
	struct hd_task_status status;
	return hd_procfile_status(root, root, &status) == 0 &&
	       ((status.shd_pending | status.sig_pending) >> (sig - 1) & 1) != 0;
}

enum fate { FATE_WAIT = 0, FATE_DROP, FATE_SEND };

/* The root has it, it is for the root, or that is not known yet. */
static enum fate fate_of(struct hd_tracer *tracer, const struct pending *p, int64_t age_ns)
{
	int32_t sig = (int32_t)p->info.ssi_signo;
	if (hd_tracer_root_got(tracer, sig, (int32_t)p->info.ssi_pid, p->since_ns - GROUP_KILL_NS)) {
		if (is_stop_signal(p->info.ssi_signo))
			hd_tracer_follow_stop(tracer);
		return FATE_DROP;
	}
	if (is_pending_at(hd_tracer_root(tracer), p->info.ssi_signo)) /* a stop is followed only once it was delivered */
		return is_stop_signal(p->info.ssi_signo) && age_ns < STOP_WAIT_NS ? FATE_WAIT : FATE_DROP;
	return age_ns >= GROUP_KILL_NS || hd_tracer_is_observing(tracer) ? FATE_SEND : FATE_WAIT;
}

/* Forwards or drops what is due; the time until the next one is, -1 = none. */
static int64_t settle_pending(struct hd_signals *s, struct hd_tracer *tracer)
{
	int64_t now = hd_now_ns(), next = -1;
	size_t kept = 0;
	int32_t status;
	bool root_lives = hd_tracer_root(tracer) > 0 && !hd_tracer_root_status(tracer, &status);
	for (size_t i = 0; i < s->n_pending; i++) {
		struct pending *p = &s->pending[i];
		if (!root_lives)
			continue;
		enum fate fate = fate_of(tracer, p, now - p->since_ns);
		if (fate == FATE_SEND)
			send_on(hd_tracer_root(tracer), &p->info);
		if (fate != FATE_WAIT)
			continue;
		int64_t left = p->since_ns + GROUP_KILL_NS - now;
		left = left > RETRY_NS ? left : RETRY_NS;
		next = next < 0 || left < next ? left : next;
		s->pending[kept++] = *p;
	}
	s->n_pending = kept;
	return next;
}

static bool means_stop(uint32_t sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT;
}

static void take_one(struct hd_signals *s, const struct signalfd_siginfo *info, bool root_lives, struct hd_happened *ret)
{
	uint32_t sig = info->ssi_signo;
	bool is_ours = s->role == HD_SIGNALS_OURS || !root_lives;
	ret->child |= sig == SIGCHLD || sig == SIGCONT;
	ret->resized |= sig == SIGWINCH;
	if (is_ours && means_stop(sig))
		ret->stop_signal = (int32_t)sig;
	/* The kernel's own come from the terminal, to the whole foreground group; our broken pipes are ours.
	 * A sender outside our PID namespace has pid 0. */
	bool from_a_process = info->ssi_code <= 0 && info->ssi_pid != (uint32_t)getpid();
	/* A terminal that is closed tells the leader of its session only (drivers/tty/tty_jobctrl.c,
	 * tty_signal_session_leader): without us that would be COMMAND. */
	from_a_process |= sig == SIGHUP && info->ssi_code > 0 && getsid(0) == getpid();
	if (sig == SIGCHLD || is_ours || !from_a_process || s->n_pending == HD_COUNTOF(s->pending))
		return;
	s->pending[s->n_pending++] = (struct pending){*info, hd_now_ns()};
}

struct hd_happened hd_signals_poll(struct hd_signals *s, struct hd_tracer *tracer)
{
	struct hd_happened ret = {.again_ns = -1};
	struct signalfd_siginfo info;
	int32_t status;
	bool root_lives = tracer != NULL && hd_tracer_root(tracer) > 0 && !hd_tracer_root_status(tracer, &status);
	while (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		take_one(s, &info, root_lives, &ret);
	if (tracer != NULL && s->n_pending > 0)
		ret.again_ns = settle_pending(s, tracer);
	return ret;
}

int hd_signals_end_like(int32_t wait_status)
{
	if (!WIFSIGNALED(wait_status))
		return WEXITSTATUS(wait_status);
	int sig = WTERMSIG(wait_status);
	sigset_t only;
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, 0); /* core_pattern pipes ignore the limit */
	signal(sig, SIG_DFL);
	sigemptyset(&only);
	sigaddset(&only, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	return 128 + sig;
}
