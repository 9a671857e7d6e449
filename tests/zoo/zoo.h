/* The lock zoo: programs in which one thread blocks in one known way, for testing the lock classifier on real
 * libraries. `PROGRAM --list` names the situations, `PROGRAM NAME` enters one, prints what is to be found, and stays:
 *     waiter=TID kind=MUTEX base=0x... owner=TID ...
 * Keys that are left out are not compared; "api" is compared as text; "weak=1" allows less than full confidence;
 * "unknown=1" allows "not understood" (never a wrong answer).
 * Nothing outlives the test: the kernel kills a program with its parent, and an alarm does otherwise. */
#ifndef ZOO_H
#define ZOO_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct zoo_case {
	const char *name;
	void (*enter)(void);
};

/* musl has no unwind tables: names that only they could tell are missing. */
#ifdef __GLIBC__
#define ZOO_MAY_BE_UNKNOWN ""
#else
#define ZOO_MAY_BE_UNKNOWN " weak=1 unknown=1"
#endif

static inline int zoo_tid(void)
{
	return (int)syscall(SYS_gettid);
}

/* A started thread: its tid is known when zoo_thread returns. */
struct zoo_start {
	void *(*fn)(void *);
	void *arg;
	volatile int tid;
};

static inline void *zoo_thread_main(void *arg)
{
	struct zoo_start *start = (struct zoo_start *)arg;
	__atomic_store_n(&start->tid, zoo_tid(), __ATOMIC_SEQ_CST);
	return start->fn(start->arg);
}

static pthread_t zoo_last_thread;

static inline int zoo_thread(void *(*fn)(void *), void *arg)
{
	struct zoo_start *start = (struct zoo_start *)calloc(1, sizeof(*start));
	start->fn = fn;
	start->arg = arg;
	if (pthread_create(&zoo_last_thread, NULL, zoo_thread_main, start) != 0)
		abort();
	while (__atomic_load_n(&start->tid, __ATOMIC_SEQ_CST) == 0)
		usleep(100);
	return start->tid;
}

/* Until the thread sleeps in a system call: state S (zoo threads do nothing else that sleeps).  No streams and no heap:
 * their locks may be what the zoo has taken. */
static inline void zoo_wait_asleep(int tid)
{
	char path[64], text[512];
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	for (;;) {
		int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		const char *end = strrchr(text, ')');
		if (end != NULL && end[1] == ' ' && end[2] == 'S')
			return;
		usleep(1000);
	}
}

__attribute__((format(printf, 1, 2))) static inline void zoo_say(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
#ifdef ZOO_NO_TABLES
	/* A static program without unwind tables: hardly a name can be found. */
	n += snprintf(line + n - 1, sizeof(line) - (size_t)n, " weak=1 unknown=1\n") - 1;
#endif
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		abort();
}

static inline void zoo_stay(void)
{
	for (;;)
		pause();
}

static inline int zoo_main(int argc, char **argv, const struct zoo_case *cases, size_t n)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	for (size_t i = 0; i < n; i++) {
		if (argc == 2 && strcmp(argv[1], "--list") == 0) {
			printf("%s\n", cases[i].name);
		} else if (argc == 2 && strcmp(argv[1], cases[i].name) == 0) {
			cases[i].enter();
			zoo_stay();
		}
	}
	return argc == 2 && strcmp(argv[1], "--list") == 0 ? 0 : 2;
}

#endif
