/* What the costs benchmark runs: `loops MODE N` does N operations of one kind and prints nanoseconds per operation.
 * `loops idle N` starts N threads that wait for ever, says "ready", and ends with its standard input.
 * `loops hang FILE` writes the time to FILE and then blocks for ever in a child (a lock that fork copied held). */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void do_fork(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void do_spawn(void)
{
	char *argv[] = {(char *)"true", NULL};
	pid_t pid;
	if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0)
		waitpid(pid, NULL, 0);
}

static void *nothing(void *arg)
{
	return arg;
}

static void do_thread(void)
{
	pthread_t t;
	if (pthread_create(&t, NULL, nothing, NULL) == 0)
		pthread_join(t, NULL);
}

static void do_getpid(void)
{
	syscall(SYS_getpid);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void do_signal(void)
{
	raise(SIGUSR1);
}

static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t no_one = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t held;

static void *wait_for_ever(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&never);
	for (;;)
		pthread_cond_wait(&no_one, &never);
	return NULL;
}

static int idle(long n)
{
	char c;
	pthread_attr_t attr;
	pthread_t t;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (long i = 0; i < n; i++)
		if (pthread_create(&t, &attr, wait_for_ever, NULL) != 0)
			return 1;
	puts("ready");
	fflush(stdout);
	return read(0, &c, 1) < 0;
}

static void *hold(void *arg)
{
	pthread_mutex_lock(&never);
	pthread_barrier_wait(&held);
	pause();
	return arg;
}

static int hang(const char *path)
{
	pthread_t t;
	pthread_barrier_init(&held, NULL, 2);
	pthread_create(&t, NULL, hold, NULL);
	pthread_barrier_wait(&held);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dprintf(fd, "%lld\n", (long long)now_ns(CLOCK_REALTIME));
		close(fd);
		pthread_mutex_lock(&never);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

/* The loop is in argv: N to go, and when it began. */
static int exec_loop(char **argv, long n, int64_t began, long all)
{
	char left[32], start[32], total[32];
	if (n == 0)
		return printf("%.1f\n", (double)(now_ns(CLOCK_MONOTONIC) - began) / (double)all) < 0;
	snprintf(left, sizeof(left), "%ld", n - 1);
	snprintf(start, sizeof(start), "%lld", (long long)began);
	snprintf(total, sizeof(total), "%ld", all);
	execl(argv[0], argv[0], "exec", left, start, total, (char *)NULL);
	return 1;
}

static const struct {
	const char *name;
	void (*once)(void);
} modes[] = {{"fork", do_fork}, {"spawn", do_spawn}, {"thread", do_thread}, {"getpid", do_getpid}, {"signal", do_signal}};

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	alarm(120);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	long n = atol(argv[2]);
	if (strcmp(argv[1], "exec") == 0)
		return exec_loop(argv, n, argc > 4 ? atoll(argv[3]) : now_ns(CLOCK_MONOTONIC), argc > 4 ? atol(argv[4]) : n);
	if (strcmp(argv[1], "idle") == 0)
		return idle(n);
	if (strcmp(argv[1], "hang") == 0)
		return hang(argv[2]);
	signal(SIGUSR1, on_signal);
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		if (strcmp(argv[1], modes[m].name) != 0)
			continue;
		int64_t began = now_ns(CLOCK_MONOTONIC);
		for (long i = 0; i < n; i++)
			modes[m].once();
		return printf("%.1f\n", (double)(now_ns(CLOCK_MONOTONIC) - began) / (double)n) < 0;
	}
	return 2;
}
