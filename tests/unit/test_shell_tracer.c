/* The tracer's calls on real processes.  covers: tracer.c attach.c freeze.c observe.c birth.c */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "hangdog/model.h"
#include "hangdog/tracer.h"

/* What a test's programs and the test share. */
struct shared {
	int go, n_born;
	int marks[64];
};
static struct shared *shared;
static struct hd_model *model;
static struct hd_tracer *tracer;

static void note(void *ctx, const struct hd_event *ev)
{
	(void)ctx;
	hd_model_apply(model, ev);
}

static void begin(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(shared, MAP_FAILED);
	model = hd_model_new();
	hd_model_want_hazards(model);
	tracer = hd_tracer_new(note, NULL);
}

static void end(void)
{
	hd_tracer_free(tracer);
	hd_model_free(model);
}

static int load(const int *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static void nap(void)
{
	nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static void pump(void)
{
	while (hd_tracer_drain(tracer) == 1)
		;
	nap();
}

static pid_t start(void (*body)(void))
{
	pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(60); /* an exec from a thread loses the death signal, not this */
		body();
		_exit(0);
	}
	return pid;
}

static void finish(pid_t pid)
{
	kill(pid, SIGKILL);
	while (kill(pid, 0) == 0) { /* whoever is its waiter: the tracer or we */
		(void)!hd_tracer_drain(tracer);
		waitpid(pid, NULL, WNOHANG | __WALL);
		nap();
	}
}

static char state_of(pid_t tid)
{
	char path[64], line[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return 'X';
	ssize_t n = read(fd, line, sizeof(line) - 1);
	close(fd);
	const char *paren = n > 0 ? strrchr(line, ')') : NULL;
	return paren != NULL ? paren[2] : 'X';
}

static void *wait_for_ever(void *arg)
{
	__atomic_add_fetch(&shared->n_born, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
	return arg;
}

/* ---- freeze ----------------------------------------------------------------------------------------------------- */

static void four_threads(void)
{
	pthread_t thread;
	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, wait_for_ever, NULL);
	wait_for_ever(NULL);
}

struct seen {
	int n;
	int32_t tids[64];
	struct hd_regs regs[64];
};

static void see(void *ctx, int32_t tid, const struct hd_regs *regs)
{
	struct seen *seen = ctx;
	seen->tids[seen->n] = tid;
	seen->regs[seen->n++] = *regs;
	cr_assert_eq(state_of(tid), 't', "stopped while it is looked at");
}

static pid_t blocked_with_threads(void (*body)(void), int n)
{
	pid_t pid = start(body);
	while (load(&shared->n_born) < n || state_of(pid) != 'S')
		nap();
	return pid;
}

Test(tracer, freeze_shows_every_thread_of_a_stranger_and_lets_all_go, .timeout = 30)
{
	begin();
	pid_t pid = blocked_with_threads(four_threads, 4);
	struct seen seen = {0};
	int64_t longest_us = -1;
	cr_assert_eq(hd_tracer_freeze(tracer, pid, 1000, see, &seen, &longest_us), 0);
	cr_assert_eq(seen.n, 4);
	for (int i = 0; i < seen.n; i++) {
		cr_assert_neq(seen.regs[i].pc, 0);
		cr_assert_neq(seen.regs[i].sp, 0);
		while (state_of(seen.tids[i]) != 'S')
			nap();
	}
	cr_assert_geq(longest_us, 0);
	cr_assert_not(hd_tracer_has_tracees(tracer), "nobody is kept");
	finish(pid);
	end();
}

Test(tracer, freeze_of_a_tracee_keeps_it_traced, .timeout = 30)
{
	begin();
	pid_t pid = blocked_with_threads(four_threads, 4);
	cr_assert_eq(hd_tracer_attach(tracer, pid, NULL), 0);
	for (int i = 0; i < 20; i++) {
		struct seen seen = {0};
		int64_t longest_us;
		cr_assert_eq(hd_tracer_freeze(tracer, pid, 1000, see, &seen, &longest_us), 0);
		cr_assert_eq(seen.n, 4);
	}
	cr_assert(hd_tracer_has_tracees(tracer));
	while (state_of(pid) != 'S')
		pump();
	finish(pid);
	end();
}

static void vfork_that_waits(void)
{
	if (vfork() == 0) {
		__atomic_add_fetch(&shared->n_born, 1, __ATOMIC_RELEASE);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

Test(tracer, freeze_gives_up_on_a_vfork_parent_within_its_time, .timeout = 30)
{
	begin();
	pid_t pid = start(vfork_that_waits);
	while (load(&shared->n_born) < 1 || state_of(pid) != 'D')
		nap();
	struct seen seen = {0};
	int64_t longest_us;
	cr_assert_eq(hd_tracer_freeze(tracer, pid, 50, see, &seen, &longest_us), 0);
	cr_assert_eq(seen.n, 0);
	finish(pid);
	end();
}

Test(tracer, freeze_of_somebody_gone_says_so, .timeout = 30)
{
	begin();
	struct seen seen = {0};
	int64_t longest_us;
	cr_assert_eq(hd_tracer_freeze(tracer, 0x3ffffe, 50, see, &seen, &longest_us), -ESRCH);
	end();
}

Test(tracer, a_stopped_job_is_frozen_and_stays_stopped, .timeout = 30)
{
	begin();
	pid_t pid = blocked_with_threads(four_threads, 4);
	cr_assert_eq(hd_tracer_attach(tracer, pid, NULL), 0);
	kill(pid, SIGSTOP);
	for (int i = 0; i < 50; i++)
		pump();
	struct seen seen = {0};
	int64_t longest_us;
	cr_assert_eq(hd_tracer_freeze(tracer, pid, 1000, see, &seen, &longest_us), 0);
	cr_assert_eq(seen.n, 4);
	hd_tracer_detach_all(tracer);
	for (int i = 0; i < seen.n; i++) {
		while (state_of(seen.tids[i]) != 'T')
			nap(); /* it gets there by itself, once it is let go */
	}
	kill(pid, SIGCONT);
	for (int i = 0; i < seen.n; i++) {
		while (state_of(seen.tids[i]) != 'S')
			nap();
	}
	finish(pid);
	end();
}

/* ---- evidence ----------------------------------------------------------------------------------------------------- */

static void *fork_forty(void *arg)
{
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	return arg;
}

static void forkers(void)
{
	pthread_t thread[7];
	while (load(&shared->go) == 0)
		sched_yield();
	for (int i = 0; i < 7; i++)
		pthread_create(&thread[i], NULL, fork_forty, NULL);
	for (int i = 0; i < 7; i++)
		pthread_join(thread[i], NULL);
}

static int n_forks, n_others, n_stopped;

static void count_evidence(void *ctx, const struct hd_event *ev)
{
	note(ctx, ev);
	if (ev->kind != HD_EV_NEW_PROCESS || ev->tid == 0 || ev->fork == NULL)
		return;
	n_forks++;
	n_others += ev->fork->n_others > 0;
	for (uint32_t i = 0; i < ev->fork->n_others; i++)
		n_stopped += ev->fork->others[i].how == HD_HOW_STOPPED;
}

static void fork_with_evidence(enum hd_evidence level)
{
	begin();
	hd_tracer_free(tracer);
	tracer = hd_tracer_new(count_evidence, NULL);
	struct hd_forkev *forkev = hd_forkev_new();
	n_forks = n_others = n_stopped = 0;
	hd_tracer_set_evidence(tracer, forkev, level);
	pid_t pid = start(forkers);
	cr_assert_eq(hd_tracer_attach(tracer, pid, NULL), 0);
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	while (hd_tracer_has_tracees(tracer))
		pump();
	int32_t status = -1;
	cr_assert(hd_tracer_root_status(tracer, &status));
	cr_assert_eq(status, 0);
	cr_assert_eq(hd_model_count(model), 0);
	cr_assert_eq(n_forks, 7 * 40);
	cr_assert_eq(n_others, 7 * 40, "the main thread at least is there each time");
	cr_assert_eq(hd_model_hazard_count(model, NULL), 7 * 40);
	hd_forkev_free(forkev);
	end();
}

Test(tracer, evidence_is_taken_of_every_fork_of_seven_threads_at_once, .timeout = 60)
{
	fork_with_evidence(HD_EVIDENCE_LIGHT);
	cr_assert_eq(n_stopped, 0, "nobody was stopped for it");
}

Test(tracer, full_evidence_has_the_registers_of_the_other_threads, .timeout = 60)
{
	fork_with_evidence(HD_EVIDENCE_FULL);
	cr_assert_gt(n_stopped, 7 * 40);
}

/* ---- attach ------------------------------------------------------------------------------------------------------- */

static void leader_leaves(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, wait_for_ever, NULL);
	pthread_exit(NULL);
}

Test(tracer, a_process_whose_main_thread_has_left_is_attached_and_its_end_is_told, .timeout = 30)
{
	begin();
	pid_t pid = start(leader_leaves);
	while (load(&shared->n_born) < 1 || state_of(pid) != 'Z')
		nap();
	int r = hd_tracer_attach(tracer, pid, NULL);
	cr_assert_eq(r, 0, "%s", strerror(-r));
	cr_assert_not_null(hd_model_find(model, pid));
	kill(pid, SIGKILL);
	while (hd_tracer_has_tracees(tracer))
		pump();
	cr_assert_null(hd_model_find(model, pid));
	int32_t status;
	cr_assert(hd_tracer_root_status(tracer, &status));
	end();
}

/* Threads that come, exec and go while we seize: PTRACE_SEIZE meets exec's wait for zombies that only we can reap. */
static void *exec_self(void *arg)
{
	execl("/proc/self/exe", "exec-loop", "exec-loop", NULL);
	return arg;
}

static void *come_and_go(void *arg)
{
	return arg;
}

static void exec_loop(void)
{
	pthread_t thread;
	for (int i = 0; i < 20; i++)
		pthread_create(&thread, NULL, come_and_go, NULL);
	pthread_create(&thread, NULL, exec_self, NULL);
	for (;;)
		pause();
}

/* This program again, after exec: before Criterion looks at the arguments. */
__attribute__((constructor)) static void after_exec(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "exec-loop") == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exec_loop();
	}
}

Test(tracer, attach_does_not_lock_up_against_exec, .timeout = 60)
{
	for (int i = 0; i < 30; i++) {
		begin();
		pid_t pid = start(exec_loop);
		for (int k = 0; k < i; k++)
			nap();
		int r = hd_tracer_attach(tracer, pid, NULL);
		cr_assert_eq(r, 0, "%s", strerror(-r));
		pump();
		finish(pid);
		end();
	}
}

Test(tracer, attach_names_what_is_wrong, .timeout = 30)
{
	begin();
	struct hd_err err = {0};
	cr_assert_lt(hd_tracer_attach(tracer, 0x3ffffe, &err), 0);
	cr_assert(strstr(err.text, "4194302") != NULL, "%s", err.text);
	cr_assert_lt(hd_tracer_attach(tracer, 2, &err), 0);
	cr_assert_not(hd_tracer_has_tracees(tracer));
	end();
}

/* ---- births that no event tells ------------------------------------------------------------------------------------- */

static int untraced_body(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	wait_for_ever(NULL);
	return 0;
}

static void untraced_child(void)
{
	static char stack[65536];
	while (load(&shared->go) == 0)
		sched_yield();
	clone(untraced_body, stack + sizeof(stack), CLONE_UNTRACED | SIGCHLD, NULL);
	for (;;)
		pause();
}

Test(tracer, an_untraced_child_is_found_by_looking, .timeout = 30)
{
	begin();
	pid_t pid = start(untraced_child);
	cr_assert_eq(hd_tracer_attach(tracer, pid, NULL), 0);
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	while (load(&shared->n_born) < 1)
		pump();
	hd_tracer_rescan(tracer);
	cr_assert_eq(hd_model_count(model), 2);
	finish(pid);
	while (hd_model_count(model) > 0) {
		pump();
		hd_tracer_rescan(tracer);
	}
	end();
}
