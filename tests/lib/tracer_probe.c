/* What a command finds around itself, and the births and ends that are hard on a tracer.  For tests/e2e/tracer.py.
 *   tracer_probe state | forks N | threads N | forkers N FORKS | execthread FILE ARG... | execchain N | vforks N | spawns N
 *                | zombieleader | clonevm | cloneparent | untraced | killnewborn N | killforkers N | bomb | wait | threadswait N */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(e)                                                                     \
	do {                                                                        \
		if (!(e)) {                                                         \
			fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #e); \
			_exit(99);                                                  \
		}                                                                   \
	} while (0)

/* Asked by the leak sanitizer, where this is built with it: it cannot work in what is traced. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

extern char **environ;
static char **words;

static void reap(pid_t pid, int wanted)
{
	int status;
	MUST(pid > 0 && waitpid(pid, &status, __WALL) == pid);
	MUST(status == wanted);
}

/* ---- state ------------------------------------------------------------------------------------------------------ */

static void print_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	MUST(dir != NULL);
	for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
		char path[300], target[300];
		snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		if (n > 0 && atoi(e->d_name) != dirfd(dir))
			printf("fd %s %.*s\n", e->d_name, (int)n, target);
	}
	closedir(dir);
}

static int state(void)
{
	sigset_t mask;
	MUST(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
	for (int sig = 1; sig < 65; sig++) {
		struct sigaction action;
		if (sigismember(&mask, sig) == 1)
			printf("blocked %d\n", sig);
		if (sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			printf("ignored %d\n", sig);
	}
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;
		MUST(getrlimit(i, &limit) == 0);
		printf("limit %d %llu %llu\n", i, (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
	}
	int subreaper = -1, deathsig = -1;
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	prctl(PR_GET_PDEATHSIG, &deathsig);
	printf("session %d group %d nice %d subreaper %d deathsig %d dumpable %d\n", getsid(0), getpgrp(), getpriority(PRIO_PROCESS, 0),
	       subreaper, deathsig, prctl(PR_GET_DUMPABLE));
	for (char **e = environ; *e != NULL; e++)
		printf("env %s\n", *e);
	print_fds();
	return 0;
}

/* ---- births ----------------------------------------------------------------------------------------------------- */

static int forks(void)
{
	for (int n = atoi(words[0]); n > 0; n--) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(n & 0x7f);
		reap(pid, (n & 0x7f) << 8);
	}
	return 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static int threads(void)
{
	for (int n = atoi(words[0]); n > 0; n--) {
		pthread_t thread;
		MUST(pthread_create(&thread, NULL, nothing, NULL) == 0);
		MUST(pthread_join(thread, NULL) == 0);
	}
	return 0;
}

static void *fork_many(void *arg)
{
	for (int n = atoi(words[1]); n > 0; n--) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		reap(pid, 0);
	}
	return arg;
}

/* Several threads fork at the same time: children stop before their parents' events. */
static int forkers(void)
{
	pthread_t thread[64];
	int n = atoi(words[0]);
	for (int i = 0; i < n; i++)
		MUST(pthread_create(&thread[i], NULL, fork_many, NULL) == 0);
	for (int i = 0; i < n; i++)
		MUST(pthread_join(thread[i], NULL) == 0);
	return 0;
}

static void *exec_words(void *arg)
{
	execvp(words[0], words);
	return arg;
}

static int execthread(void)
{
	pthread_t thread;
	MUST(pthread_create(&thread, NULL, exec_words, NULL) == 0);
	pthread_join(thread, NULL);
	return 99;
}

static int execchain(void)
{
	char next[16];
	int n = atoi(words[0]);
	if (n == 0)
		return 42;
	snprintf(next, sizeof(next), "%d", n - 1);
	execl("/proc/self/exe", "tracer_probe", "execchain", next, NULL);
	return 99;
}

static int vforks(void)
{
	for (volatile int n = atoi(words[0]); n > 0; n--) {
		pid_t pid = vfork();
		if (pid == 0)
			_exit(3);
		reap(pid, 3 << 8);
	}
	return 0;
}

static int spawns(void)
{
	char name[] = "true", *args[] = {name, NULL};
	for (int n = atoi(words[0]); n > 0; n--) {
		pid_t pid;
		MUST(posix_spawnp(&pid, "true", NULL, NULL, args, environ) == 0);
		reap(pid, 0);
	}
	return 0;
}

static void *outlive(void *arg)
{
	char stat[64] = "";
	do { /* until the main thread is a zombie */
		FILE *f = fopen("/proc/self/stat", "re");
		MUST(f != NULL && fscanf(f, "%*d %*s %63s", stat) == 1);
		fclose(f);
	} while (stat[0] != 'Z');
	_exit(7);
	return arg;
}

static int zombieleader(void)
{
	pthread_t thread;
	MUST(pthread_create(&thread, NULL, outlive, NULL) == 0);
	pthread_exit(NULL);
}

static int child_of_clone(void *arg)
{
	*(int *)arg = 5;
	return 6;
}

/* The stack lies in this frame: the parent must be waiting (or the memory not shared) while the child runs. */
static pid_t clone_with(int flags, int *word)
{
	char *stack = malloc(65536);
	MUST(stack != NULL);
	return clone(child_of_clone, stack + 65536, flags, word);
}

static int clonevm(void)
{
	int word = 0;
	reap(clone_with(CLONE_VM | SIGCHLD, &word), 6 << 8);
	return word == 5 ? 0 : 99;
}

static int untraced(void)
{
	int word = 0;
	reap(clone_with(CLONE_UNTRACED | SIGCHLD, &word), 6 << 8);
	return 0;
}

static int cloneparent(void)
{
	pid_t middle = fork();
	if (middle == 0) {
		int word = 0;
		_exit(clone_with(CLONE_PARENT | SIGCHLD, &word) > 0 ? 0 : 99);
	}
	int status, ended = 0;
	while (waitpid(-1, &status, 0) > 0)
		ended++;
	return ended == 2 ? 0 : 99;
}

static int killnewborn(void)
{
	for (int n = atoi(words[0]); n > 0; n--) {
		pid_t pid = fork();
		if (pid == 0) {
			for (;;)
				pause();
		}
		kill(pid, SIGKILL); /* it may not have run a single instruction */
		reap(pid, SIGKILL);
	}
	return 0;
}

static int wait_for_ever(void)
{
	puts("ready");
	fflush(stdout);
	while (pause() < 0)
		;
	return 0;
}

static void fork_ten(void)
{
	alarm(60);
	for (int i = 0; i < 10; i++) {
		if (fork() == 0) {
			alarm(60);
			break;
		}
	}
	for (;;)
		pause();
}

/* Forkers are killed in the middle of their forks; their children stay. */
static int killforkers(void)
{
	for (int n = atoi(words[0]); n > 0; n--) {
		int status;
		pid_t forker = fork();
		MUST(forker >= 0);
		if (forker == 0)
			fork_ten();
		for (int i = 0; i < n % 40; i++)
			sched_yield();
		MUST(kill(forker, SIGKILL) == 0 && waitpid(forker, &status, 0) == forker);
	}
	return wait_for_ever();
}

static void *pause_for_ever(void *arg)
{
	while (pause() < 0)
		;
	return arg;
}

static int threadswait(void)
{
	pthread_t thread;
	for (int n = atoi(words[0]); n > 0; n--)
		MUST(pthread_create(&thread, NULL, pause_for_ever, NULL) == 0);
	return wait_for_ever();
}

/* Everybody forks for ever; the counter keeps a test that fails from eating the machine. */
static int bomb(void)
{
	enum { ENOUGH = 8000 };
	int *count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(count != MAP_FAILED);
	signal(SIGTERM, SIG_IGN);
	while (__atomic_add_fetch(count, 1, __ATOMIC_RELAXED) < ENOUGH)
		fork();
	alarm(60);
	return wait_for_ever();
}

static const struct act {
	const char *name;
	int (*run)(void);
	int words;
} acts[] = {
	{"state", state, 0},
	{"forks", forks, 1},
	{"threads", threads, 1},
	{"forkers", forkers, 2},
	{"execthread", execthread, 1},
	{"execchain", execchain, 1},
	{"vforks", vforks, 1},
	{"spawns", spawns, 1},
	{"zombieleader", zombieleader, 0},
	{"clonevm", clonevm, 0},
	{"cloneparent", cloneparent, 0},
	{"untraced", untraced, 0},
	{"killnewborn", killnewborn, 1},
	{"killforkers", killforkers, 1},
	{"bomb", bomb, 0},
	{"wait", wait_for_ever, 0},
	{"threadswait", threadswait, 1},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(argv[1], acts[i].name) != 0 || argc < 2 + acts[i].words)
			continue;
		words = argv + 2;
		return acts[i].run();
	}
	return 98;
}
