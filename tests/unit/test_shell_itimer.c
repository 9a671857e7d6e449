/* Asking real processes for their interval timers, many times over: their calls go on as if nothing had been.
 * covers: itimer.c */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "hangdog/itimers.h"
#include "hangdog/model.h"
#include "hangdog/procfs.h"
#include "hangdog/tracer.h"
#include "os/procfile.h"

enum { TIMES = 200 };

static struct shared {
	int word;
	int interrupted; /* a call came back before its time */
} *shared;
static int ends[2];
static struct hd_tracer *tracer;
static pid_t pid;

static void ignore_event(void *ctx, const struct hd_event *ev)
{
	(void)ctx;
	(void)ev;
}

static bool read_line(struct hd_syscall *line)
{
	char text[512];
	return hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/syscall", pid, pid) > 0 && hd_syscall_parse(text, line) == 0;
}

/* The program is traced and in call `nr`; what is to be asked of it. */
static struct hd_itimer_ask begin(void (*body)(void), int64_t nr)
{
	struct hd_err err = {0};
	struct hd_syscall line = {0};
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body();
		_exit(shared->interrupted);
	}
	tracer = hd_tracer_new(ignore_event, NULL);
	cr_assert_eq(hd_tracer_attach(tracer, pid, &err), 0, "%s", err.text);
	while (!read_line(&line) || line.form != HD_SYSCALL_NUMERIC || line.nr != nr)
		while (hd_tracer_drain(tracer) == 1)
			;
	struct hd_itimer_ask ask = {.pid = pid, .tid = pid, .nr = nr, .sp = line.sp, .pc = line.pc, .which = 7};
	memcpy(ask.args, line.args, sizeof(ask.args));
	cr_assert_eq(hd_procfs_start(pid, pid, &ask.start), 0);
	return ask;
}

static int ask_once(const struct hd_itimer_ask *ask, int64_t left_ns[3])
{
	uint64_t voluntary, involuntary;
	return hd_tracer_ask_itimers(tracer, ask, left_ns, &voluntary, &involuntary);
}

static int end(void)
{
	int status;
	bool is_over = false;
	while (!is_over) {
		cr_assert_geq(hd_tracer_drain(tracer), 0);
		is_over = hd_tracer_root_status(tracer, &status);
	}
	hd_tracer_free(tracer);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- each call ------------------------------------------------------------------------------------------------------------ */

static void in_futex(void)
{
	while (__atomic_load_n(&shared->word, __ATOMIC_ACQUIRE) == 0)
		shared->interrupted += syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, NULL, NULL, 0) != 0 && shared->word == 0;
}

static void in_read(void)
{
	char c;
	shared->interrupted += read(ends[0], &c, 1) != 1;
}

static void in_write(void)
{
	char page[4096] = {0};
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	while (write(ends[1], page, sizeof(page)) > 0)
		;
	fcntl(ends[1], F_SETFL, 0);
	shared->interrupted += write(ends[1], page, 1) != 1;
}

static void in_wait4(void)
{
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		in_read();
		_exit(0);
	}
	shared->interrupted += wait4(child, NULL, 0, NULL) != child;
}

static void in_flock(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int own = open("/proc/self/exe", O_RDONLY);
		if (flock(own, LOCK_EX) != 0)
			_exit(1);
		shared->word = 1;
		in_read();
		_exit(0);
	}
	while (__atomic_load_n(&shared->word, __ATOMIC_ACQUIRE) == 0)
		usleep(1000);
	shared->interrupted += flock(fd, LOCK_EX) != 0;
}

static void free_futex(void)
{
	__atomic_store_n(&shared->word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &shared->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void free_pipe(void)
{
	cr_assert_eq(write(ends[1], "x", 1), 1);
}

static void free_writer(void)
{
	char page[4096];
	cr_assert_gt(read(ends[0], page, sizeof(page)), 0);
}

struct kind {
	const char *name;
	void (*body)(void);
	int64_t nr;
	void (*let_go)(void);
};

static const struct kind kinds[] = {
	{"futex", in_futex, SYS_futex, free_futex}, {"read", in_read, SYS_read, free_pipe},   {"write", in_write, SYS_write, free_writer},
	{"wait4", in_wait4, SYS_wait4, free_pipe},  {"flock", in_flock, SYS_flock, free_pipe},
};

Test(shell_itimer, every_call_goes_on_as_if_nothing_had_been, .timeout = 60)
{
	for (size_t k = 0; k < HD_COUNTOF(kinds); k++) {
		int64_t left_ns[3] = {-1, -1, -1};
		struct hd_itimer_ask ask = begin(kinds[k].body, kinds[k].nr);
		for (int i = 0; i < TIMES; i++) {
			int r = ask_once(&ask, left_ns);
			cr_assert_eq(r, 0, "%s, time %d: %s", kinds[k].name, i, strerror(-r));
			cr_assert(left_ns[0] == 0 && left_ns[1] == 0 && left_ns[2] == 0);
		}
		kinds[k].let_go();
		cr_assert_eq(end(), 0, "%s", kinds[k].name);
	}
}

/* ---- answers and refusals ---------------------------------------------------------------------------------------------------- */

static void with_timers(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {100, 0}}, NULL);
	setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {200, 0}}, NULL);
	in_read();
}

Test(shell_itimer, the_time_left_is_told, .timeout = 30)
{
	int64_t left_ns[3];
	struct hd_itimer_ask ask = begin(with_timers, SYS_read);
	cr_assert_eq(ask_once(&ask, left_ns), 0);
	cr_expect(left_ns[0] > 50 * HD_NS_PER_S && left_ns[0] <= 100 * HD_NS_PER_S);
	cr_expect_eq(left_ns[1], 0);
	cr_expect(left_ns[2] > 150 * HD_NS_PER_S && left_ns[2] <= 201 * HD_NS_PER_S);
	free_pipe();
	cr_assert_eq(end(), 0);
}

static void block_all(void)
{
	sigset_t all, now;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGTRAP, SIG_IGN);
	in_read();
	struct sigaction trap;
	sigprocmask(SIG_SETMASK, NULL, &now);
	sigaction(SIGTRAP, NULL, &trap);
	shared->interrupted += sigismember(&now, SIGTRAP) != 1 || trap.sa_handler != SIG_IGN;
}

Test(shell_itimer, masks_and_dispositions_stay, .timeout = 30)
{
	int64_t left_ns[3];
	struct hd_itimer_ask ask = begin(block_all, SYS_read);
	for (int i = 0; i < TIMES; i++)
		cr_assert_eq(ask_once(&ask, left_ns), 0);
	free_pipe();
	cr_assert_eq(end(), 0);
}

static void note_signal(int signal_number)
{
	(void)signal_number;
	__atomic_add_fetch(&shared->word, 1, __ATOMIC_RELEASE);
}

static void under_signals(void)
{
	sigaction(SIGUSR1, &(struct sigaction){.sa_handler = note_signal, .sa_flags = SA_RESTART}, NULL);
	in_read();
}

Test(shell_itimer, signals_that_come_meanwhile_are_delivered_and_nothing_else_happens, .timeout = 60)
{
	int64_t left_ns[3];
	int answered = 0, sent = 0;
	struct hd_itimer_ask ask = begin(under_signals, SYS_read);
	pid_t sender = fork();
	if (sender == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 3000; i++) {
			int before = __atomic_load_n(&shared->word, __ATOMIC_ACQUIRE);
			kill(pid, SIGUSR1); /* the next one only when this one was handled: none may be lost */
			while (__atomic_load_n(&shared->word, __ATOMIC_ACQUIRE) == before)
				;
		}
		_exit(0);
	}
	while (waitpid(sender, NULL, WNOHANG) == 0) {
		answered += ask_once(&ask, left_ns) == 0;
		sent++;
		while (hd_tracer_drain(tracer) == 1)
			;
	}
	cr_assert_eq(shared->word, 3000);
	cr_assert(answered > 0, "%d of %d", answered, sent);
	free_pipe();
	cr_assert_eq(end(), 0);
}

static void with_a_filter(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	struct {
		unsigned short code;
		unsigned char jt, jf;
		unsigned k;
	} allow = {0x06, 0, 0, SECCOMP_RET_ALLOW};
	struct {
		unsigned short len;
		void *filter;
	} program = {1, &allow};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(1);
	in_read();
}

Test(shell_itimer, a_process_with_seccomp_or_in_another_call_is_left_alone, .timeout = 30)
{
	int64_t left_ns[3];
	struct hd_itimer_ask ask = begin(with_a_filter, SYS_read);
	cr_expect_eq(ask_once(&ask, left_ns), -EPERM);
	free_pipe();
	cr_assert_eq(end(), 0);
	ask = begin(in_read, SYS_read);
	ask.args[2]++;
	cr_expect_eq(ask_once(&ask, left_ns), -ECANCELED);
	ask.args[2]--;
	ask.start++;
	cr_expect_eq(ask_once(&ask, left_ns), -ECANCELED);
	free_pipe();
	cr_assert_eq(end(), 0);
}

static void ask_for_ever(void)
{
	int64_t left_ns[3];
	struct hd_itimer_ask ask = {.which = 7};
	struct hd_syscall line = {0};
	struct hd_err err = {0};
	tracer = hd_tracer_new(ignore_event, NULL);
	if (hd_tracer_attach(tracer, pid, &err) < 0)
		_exit(1);
	while (!read_line(&line) || line.form != HD_SYSCALL_NUMERIC || line.nr != SYS_read)
		while (hd_tracer_drain(tracer) == 1)
			;
	ask = (struct hd_itimer_ask){.pid = pid, .tid = pid, .nr = SYS_read, .sp = line.sp, .pc = line.pc, .which = 7};
	memcpy(ask.args, line.args, sizeof(ask.args));
	if (hd_procfs_start(pid, pid, &ask.start) < 0)
		_exit(1);
	for (;;)
		shared->word += ask_once(&ask, left_ns) == 0;
}

/* Each time at another point of an ask: most of the time that it takes, the thread stands in the middle of it. */
Test(shell_itimer, a_tracer_that_is_killed_in_the_middle_does_no_harm, .timeout = 60)
{
	for (int i = 0; i < 60; i++) {
		int status;
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		cr_assert_eq(pipe(ends), 0);
		pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			block_all();
			_exit(shared->interrupted);
		}
		pid_t asker = fork();
		if (asker == 0)
			ask_for_ever();
		while (__atomic_load_n(&shared->word, __ATOMIC_ACQUIRE) == 0)
			usleep(100);
		usleep((useconds_t)(i * 37 % 1000));
		kill(asker, SIGKILL);
		waitpid(asker, NULL, 0);
		free_pipe();
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert_eq(status, 0, "kill %d", i);
		close(ends[0]), close(ends[1]);
		munmap(shared, sizeof(*shared));
	}
}
