/* POSIX threads objects; builds with glibc and with musl. */
#include "zoo.h"

#include <features.h>
#include <stdbool.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif
#include <sys/mman.h>
#include <time.h>

static pthread_mutex_t mutex;
static pthread_cond_t cond;
static pthread_rwlock_t rwlock;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t sem;

static struct timespec later(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	ts.tv_sec += 50;
	return ts;
}

/* ---- mutexes ---- */

struct mutex_how {
	int type, robust, protocol, shared;
	bool is_timed;
};

static void *mutex_waiter(void *arg)
{
	const struct mutex_how *how = arg;
	struct timespec ts = later(CLOCK_REALTIME);
	if (how->is_timed)
		pthread_mutex_timedlock(&mutex, &ts);
	else
		pthread_mutex_lock(&mutex);
	return NULL;
}

static void mutex_init_as(const struct mutex_how *how)
{
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, how->type);
	if (how->robust)
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (how->protocol != PTHREAD_PRIO_NONE && pthread_mutexattr_setprotocol(&attr, how->protocol) != 0)
		exit(77);
#ifdef __GLIBC__
	/* Only real-time threads may take such a lock. */
	if (how->protocol == PTHREAD_PRIO_PROTECT &&
	    (pthread_mutexattr_setprioceiling(&attr, 10) != 0 ||
	     sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 5}) != 0))
		exit(77);
#endif
	if (how->shared)
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (pthread_mutex_init(&mutex, &attr) != 0)
		exit(77);
}

static void mutex_enter(const struct mutex_how *how)
{
	mutex_init_as(how);
	if (pthread_mutex_lock(&mutex) != 0)
		exit(77);
	int waiter = zoo_thread(mutex_waiter, (void *)how);
#ifdef __GLIBC__
	bool has_owner = true;
#else
	bool has_owner = how->type != PTHREAD_MUTEX_NORMAL || how->robust || how->protocol != PTHREAD_PRIO_NONE;
#endif
	zoo_say("waiter=%d kind=MUTEX base=%p owner=%d held=1 releases=1 recursive=%d robust=%d pi=%d api=%s\n", waiter,
		(void *)&mutex, has_owner ? zoo_tid() : 0, how->type == PTHREAD_MUTEX_RECURSIVE, how->robust,
		how->protocol == PTHREAD_PRIO_INHERIT,
		how->is_timed ? "pthread_mutex_timedlock" : "pthread_mutex_lock");
}

#define MUTEX_CASE(name, ...)                                                                                          \
	static void name(void)                                                                                         \
	{                                                                                                              \
		static const struct mutex_how how = {__VA_ARGS__};                                                     \
		mutex_enter(&how);                                                                                     \
	}
MUTEX_CASE(mutex_normal, .type = PTHREAD_MUTEX_NORMAL)
MUTEX_CASE(mutex_recursive, .type = PTHREAD_MUTEX_RECURSIVE)
MUTEX_CASE(mutex_errorcheck, .type = PTHREAD_MUTEX_ERRORCHECK)
#ifdef __GLIBC__
MUTEX_CASE(mutex_adaptive, .type = PTHREAD_MUTEX_ADAPTIVE_NP)
MUTEX_CASE(mutex_protect, .type = PTHREAD_MUTEX_NORMAL, .protocol = PTHREAD_PRIO_PROTECT)
#endif
MUTEX_CASE(mutex_shared, .type = PTHREAD_MUTEX_NORMAL, .shared = 1)
MUTEX_CASE(mutex_robust, .type = PTHREAD_MUTEX_NORMAL, .robust = 1)
MUTEX_CASE(mutex_robust_recursive, .type = PTHREAD_MUTEX_RECURSIVE, .robust = 1)
MUTEX_CASE(mutex_pi, .type = PTHREAD_MUTEX_NORMAL, .protocol = PTHREAD_PRIO_INHERIT)
MUTEX_CASE(mutex_pi_robust, .type = PTHREAD_MUTEX_NORMAL, .protocol = PTHREAD_PRIO_INHERIT, .robust = 1)
MUTEX_CASE(mutex_timed, .type = PTHREAD_MUTEX_NORMAL, .is_timed = true)
MUTEX_CASE(mutex_pi_timed, .type = PTHREAD_MUTEX_NORMAL, .protocol = PTHREAD_PRIO_INHERIT, .is_timed = true)

static void *relock(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&mutex);
	return arg;
}

static void mutex_self(void)
{
	pthread_mutex_init(&mutex, NULL);
	int waiter = zoo_thread(relock, NULL);
#ifdef __GLIBC__
	int owner = waiter;
#else
	int owner = 0;
#endif
	zoo_say("waiter=%d kind=MUTEX base=%p owner=%d held=1\n", waiter, (void *)&mutex, owner);
}

static void *lock_and_stay(void *arg)
{
	pthread_mutex_lock(&mutex);
	zoo_stay();
	return arg;
}

/* What hangdog is for: the child waits for a thread that fork did not copy, and whose tid is still in the mutex. */
static void mutex_orphan(void)
{
	static const struct mutex_how how = {.type = PTHREAD_MUTEX_RECURSIVE};
	mutex_init_as(&how);
	int owner = zoo_thread(lock_and_stay, NULL);
	zoo_wait_asleep(owner);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(60);
		zoo_say("pid=%d waiter=%d kind=MUTEX base=%p owner=%d held=1 releases=1 recursive=1\n", getpid(),
			zoo_tid(), (void *)&mutex, owner);
		pthread_mutex_lock(&mutex);
		zoo_stay();
	}
}

#ifdef __GLIBC__
static int libc_minor(void)
{
	int minor = 0;
	sscanf(gnu_get_libc_version(), "2.%d", &minor);
	return minor;
}

static void *lock_and_leave(void *arg)
{
	pthread_mutex_lock(&mutex);
	return arg;
}

/* The owner of a PI mutex is gone: the C library parks the next one for ever, on a word of its own stack. */
static void mutex_pi_parked(void)
{
	static const struct mutex_how how = {.type = PTHREAD_MUTEX_NORMAL, .protocol = PTHREAD_PRIO_INHERIT};
	if (libc_minor() < 28)
		exit(77); /* there it pauses instead */
	mutex_init_as(&how);
	zoo_thread(lock_and_leave, NULL);
	pthread_join(zoo_last_thread, NULL);
	/* The mutex itself is only in a register in most versions. */
	zoo_say("waiter=%d kind=MUTEX pi=1 weak=1\n", zoo_thread(mutex_waiter, (void *)&how));
}
#endif

/* ---- read-write locks ---- */

static void *reader(void *arg)
{
	pthread_rwlock_rdlock(&rwlock);
	return arg;
}

static void *writer(void *arg)
{
	pthread_rwlock_wrlock(&rwlock);
	return arg;
}

static int writer_tid(void)
{
#ifdef __GLIBC__
	return zoo_tid();
#else
	return 0;
#endif
}

static void read_writer_holds(void)
{
	pthread_rwlock_init(&rwlock, NULL);
	pthread_rwlock_wrlock(&rwlock);
	zoo_say("waiter=%d kind=RWLOCK_READ base=%p owner=%d held=1 readers=0\n", zoo_thread(reader, NULL),
		(void *)&rwlock, writer_tid());
}

static void write_writer_holds(void)
{
	pthread_rwlock_init(&rwlock, NULL);
	pthread_rwlock_wrlock(&rwlock);
	zoo_say("waiter=%d kind=RWLOCK_WRITE base=%p owner=%d held=1 readers=0\n", zoo_thread(writer, NULL),
		(void *)&rwlock, writer_tid());
}

static void write_readers_hold(void)
{
	pthread_rwlock_init(&rwlock, NULL);
	pthread_rwlock_rdlock(&rwlock);
	pthread_rwlock_rdlock(&rwlock);
	zoo_say("waiter=%d kind=RWLOCK_WRITE base=%p owner=0 held=1 readers=2 releases=0\n", zoo_thread(writer, NULL),
		(void *)&rwlock);
}

static void write_second_writer(void)
{
	pthread_rwlock_init(&rwlock, NULL);
	pthread_rwlock_rdlock(&rwlock);
	zoo_wait_asleep(zoo_thread(writer, NULL));
	zoo_say("waiter=%d kind=RWLOCK_WRITE base=%p owner=0 held=1\n", zoo_thread(writer, NULL), (void *)&rwlock);
}

#ifdef __GLIBC__
static void read_queued_writer(void)
{
	if (libc_minor() < 28)
		exit(77); /* there the reader spins instead */
	pthread_rwlockattr_t attr;
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&rwlock, &attr);
	pthread_rwlock_rdlock(&rwlock);
	zoo_wait_asleep(zoo_thread(writer, NULL));
	zoo_say("waiter=%d kind=RWLOCK_READ base=%p owner=0 held=1\n", zoo_thread(reader, NULL), (void *)&rwlock);
}
#endif

/* ---- condition variables ---- */

static void *cond_waiter(void *arg)
{
	struct timespec ts = later(CLOCK_REALTIME);
	pthread_mutex_lock(&mutex);
	if (arg != NULL)
		pthread_cond_timedwait(&cond, &mutex, &ts);
	else
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void cond_ready(int waiter, const char *api)
{
#ifdef __GLIBC__
	zoo_say("waiter=%d kind=CONDITION base=%p mutex=%p owner=0 api=%s\n", waiter, (void *)&cond, (void *)&mutex,
		api);
#else
	/* musl's pthread_cond_wait jumps to the timed one, and the waiter keeps no pair of addresses. */
	(void)api;
	zoo_say("waiter=%d kind=CONDITION base=%p owner=0\n", waiter, (void *)&cond);
#endif
}

static void cond_wait(void)
{
	cond_ready(zoo_thread(cond_waiter, NULL), "pthread_cond_wait");
}

static void cond_timed(void)
{
	cond_ready(zoo_thread(cond_waiter, &cond), "pthread_cond_timedwait");
}

/* The second group of waiters waits on the other signal word. */
static void cond_second_group(void)
{
	for (int i = 0; i < 3; i++)
		zoo_wait_asleep(zoo_thread(cond_waiter, NULL));
	pthread_mutex_lock(&mutex);
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	cond_ready(zoo_thread(cond_waiter, NULL), "pthread_cond_wait");
}

static void cond_relock(void)
{
	int waiter = zoo_thread(cond_waiter, NULL);
	zoo_wait_asleep(waiter);
	pthread_mutex_lock(&mutex);
	pthread_cond_signal(&cond);
	zoo_say("waiter=%d kind=MUTEX base=%p" ZOO_MAY_BE_UNKNOWN "\n", waiter, (void *)&mutex);
}

#ifdef __GLIBC__
/* What a child sees whose fork took the waiters away: a count that nobody brings down. */
static void cond_destroy_child(void)
{
	zoo_wait_asleep(zoo_thread(cond_waiter, NULL));
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(60);
		zoo_say("pid=%d waiter=%d kind=COND_DESTROY base=%p\n", getpid(), zoo_tid(), (void *)&cond);
		pthread_cond_destroy(&cond);
	}
}
#endif

/* ---- semaphores, barriers, joins, once ---- */

static void *sem_waiter(void *arg)
{
	struct timespec ts = later(CLOCK_REALTIME);
	if (arg == &sem)
		sem_timedwait(&sem, &ts);
	else
		sem_wait(arg);
	return NULL;
}

static sem_t heap_sem;

static void semaphore(void)
{
	sem_init(&heap_sem, 0, 0);
	zoo_say("waiter=%d kind=SEMAPHORE base=%p owner=0 held=1 releases=0 shared=0 api=sem_wait" ZOO_MAY_BE_UNKNOWN
		"\n",
		zoo_thread(sem_waiter, &heap_sem), (void *)&heap_sem);
}

static void semaphore_timed(void)
{
	sem_init(&sem, 0, 0);
	zoo_say("waiter=%d kind=SEMAPHORE base=%p owner=0 held=1\n", zoo_thread(sem_waiter, &sem), (void *)&sem);
}

static void semaphore_shared(void)
{
	sem_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sem_init(shared, 1, 0);
	zoo_say("waiter=%d kind=SEMAPHORE base=%p owner=0 held=1 shared=1" ZOO_MAY_BE_UNKNOWN "\n",
		zoo_thread(sem_waiter, shared), (void *)shared);
}

/* A semaphore among the waiter's own locals is a lock like any other. */
static void semaphore_on_stack(void)
{
	sem_t local;
	sem_init(&local, 0, 0);
	zoo_say("waiter=%d kind=SEMAPHORE base=%p owner=0\n", zoo_tid(), (void *)&local);
	sem_wait(&local);
}

static void *barrier_waiter(void *arg)
{
	pthread_barrier_wait(&barrier);
	return arg;
}

static void barrier_wait(void)
{
	pthread_barrier_init(&barrier, NULL, 3);
#ifdef __GLIBC__
	zoo_say("waiter=%d kind=BARRIER base=%p owner=0 api=pthread_barrier_wait\n", zoo_thread(barrier_waiter, NULL),
		(void *)&barrier);
#else
	/* The first waiter waits in its own frame, where only a register has the barrier's address. */
	zoo_say("waiter=%d kind=BARRIER base=0 owner=0 api=pthread_barrier_wait weak=1\n",
		zoo_thread(barrier_waiter, NULL));
#endif
}

static void *pauser(void *arg)
{
	zoo_stay();
	return arg;
}

static pthread_t joined;

static void *joiner(void *arg)
{
	pthread_join(joined, NULL);
	return arg;
}

static void join(void)
{
	int owner = zoo_thread(pauser, NULL);
	joined = zoo_last_thread;
	zoo_say("waiter=%d kind=JOIN base=%p owner=%d releases=1 api=pthread_join\n", zoo_thread(joiner, NULL),
		(void *)joined, owner);
}

static void once_body(void)
{
	zoo_stay();
}

static void *once_caller(void *arg)
{
	pthread_once(&once, once_body);
	return arg;
}

static void once_wait(void)
{
	zoo_wait_asleep(zoo_thread(once_caller, NULL));
	zoo_say("waiter=%d kind=ONCE base=%p owner=0 held=1 api=pthread_once" ZOO_MAY_BE_UNKNOWN "\n",
		zoo_thread(once_caller, NULL), (void *)&once);
}

/* ---- streams ---- */

/* Not known to the compiler, which would call another function. */
static const char *volatile text = "x";

static void *putter(void *arg)
{
	fputs(text, stderr);
	return arg;
}

static void stream(void)
{
	flockfile(stderr);
	zoo_say("waiter=%d kind=STDIO owner=%d held=1 releases=1 api=fputs\n", zoo_thread(putter, NULL), zoo_tid());
}

static void *flocker(void *arg)
{
	flockfile(stderr);
	return arg;
}

static void stream_flockfile(void)
{
	flockfile(stderr);
	zoo_say("waiter=%d kind=STDIO owner=%d held=1 api=flockfile\n", zoo_thread(flocker, NULL), zoo_tid());
}

#define C(name)                                                                                                        \
	{                                                                                                              \
#name, name                                                                                            \
	}
static const struct zoo_case cases[] = {
	C(mutex_normal),       C(mutex_recursive),
	C(mutex_errorcheck),   C(mutex_shared),
	C(mutex_robust),       C(mutex_robust_recursive),
	C(mutex_pi),           C(mutex_pi_robust),
	C(mutex_timed),        C(mutex_pi_timed),
	C(mutex_self),         C(mutex_orphan),
	C(read_writer_holds),  C(write_writer_holds),
	C(write_readers_hold), C(write_second_writer),
	C(cond_wait),          C(cond_timed),
	C(cond_second_group),  C(cond_relock),
	C(semaphore),          C(semaphore_timed),
	C(semaphore_shared),   C(semaphore_on_stack),
	C(barrier_wait),       C(join),
	C(once_wait),          C(stream),
	C(stream_flockfile),
#ifdef __GLIBC__
	C(mutex_adaptive),     C(mutex_protect),
	C(mutex_pi_parked),    C(read_queued_writer),
	C(cond_destroy_child),
#endif
};

int main(int argc, char **argv)
{
	return zoo_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
