/* What the hung and healthy programs share.  A program dies with whoever started it (PR_SET_PDEATHSIG), has no caught
 * signal and no timer of its own unless its file says so, and orders its threads by semaphores, never by sleeping. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#ifndef __cplusplus
#include <stdatomic.h>
#endif
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HELPER static inline __attribute__((unused))

/* Call it and stop here if it failed. */
#define MUST(e)                                                          \
	do {                                                             \
		if (!(e)) {                                              \
			fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #e); \
			_exit(99);                                       \
		}                                                        \
	} while (0)

HELPER void fixture_begin(void)
{
	MUST(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
}

HELPER pid_t fixture_fork(void)
{
	pid_t pid = fork();
	MUST(pid >= 0);
	if (pid == 0)
		fixture_begin();
	return pid;
}

HELPER pthread_t fixture_thread(void *(*body)(void *), void *arg)
{
	pthread_t thread;
	MUST(pthread_create(&thread, NULL, body, arg) == 0);
	return thread;
}

/* Waits for the child; its end means that it did not hang. */
HELPER int fixture_wait(pid_t child)
{
	int status;
	MUST(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

HELPER void fixture_sleep(double seconds)
{
	struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* How long a healthy program stands still, so that an impatient judge would speak. */
#define LOOKALIKE_S 1.2

HELPER void *fixture_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(p != MAP_FAILED);
	return p;
}

#ifndef __cplusplus
/* A mutex that all processes forked from here on share. */
HELPER pthread_mutex_t *fixture_shared_mutex(void)
{
	pthread_mutex_t *lock = fixture_shared(sizeof(*lock));
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(lock, &attr);
	return lock;
}
#endif

/* ---- a thread that takes something, says so, and keeps it until told ---- */

static sem_t fixture_taken __attribute__((unused)), fixture_give_back __attribute__((unused));

#ifndef __cplusplus

struct fixture_holder {
	void (*take)(void), (*give_back)(void);
};

HELPER void *fixture_hold(void *arg)
{
	struct fixture_holder *h = arg;
	h->take();
	sem_post(&fixture_taken);
	while (sem_wait(&fixture_give_back) != 0)
		;
	if (h->give_back != NULL)
		h->give_back();
	return NULL;
}

/* The classic: another thread holds something while this one forks; the child then wants it.  Ends with the status of
 * the child, if that ever ends. */
HELPER int fixture_fork_while_held(void (*take)(void), void (*give_back)(void), void (*want)(void))
{
	static struct fixture_holder holder;
	fixture_begin();
	holder = (struct fixture_holder){take, give_back};
	sem_init(&fixture_taken, 0, 0);
	sem_init(&fixture_give_back, 0, 0);
	pthread_t thread = fixture_thread(fixture_hold, &holder);
	sem_wait(&fixture_taken);
	pid_t child = fixture_fork();
	if (child == 0) {
		want();
		_exit(0);
	}
	sem_post(&fixture_give_back);
	pthread_join(thread, NULL);
	return fixture_wait(child);
}

/* ---- locks that cannot be held on purpose: fork until a child is caught ---- */

static atomic_bool fixture_stop;

HELPER void *fixture_use(void *arg)
{
	while (!atomic_load(&fixture_stop))
		((void (*)(void))arg)();
	return NULL;
}

static bool fixture_child_ends(pid_t child)
{
	for (int i = 0; i < 2000; i++) {
		siginfo_t info = {0};
		MUST(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
		if (info.si_pid == child)
			return true;
		fixture_sleep(0.001);
	}
	return false;
}

/* Forks while the threads run, until a child does not come back. */
HELPER pid_t fixture_fork_once_too_often(void (*use)(void), int *forks)
{
	while (true) {
		pid_t child = fixture_fork();
		if (child == 0) {
			/* A few locks, copied in the middle of a change, make the child spin: that is another story. */
			setrlimit(RLIMIT_CPU, &(struct rlimit){1, 1});
			use();
			_exit(0);
		}
		++*forks;
		if (!fixture_child_ends(child))
			return child;
		fixture_wait(child);
	}
}

/* Three threads call `use` all the time; children call it too, until one does not come back.  Then the threads end, and
 * only the stuck child and its waiting parent remain. */
HELPER int fixture_fork_until_hung(void (*use)(void))
{
	pthread_t threads[3];
	fixture_begin();
	for (int forks = 0; forks < 100000;) {
		atomic_store(&fixture_stop, false);
		for (int i = 0; i < 3; i++)
			threads[i] = fixture_thread(fixture_use, (void *)use);
		pid_t child = fixture_fork_once_too_often(use, &forks);
		atomic_store(&fixture_stop, true);
		for (int i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
		fixture_wait(child);
	}
	return 77;
}

#endif /* not C++ */

#endif
