/* What the stacks benchmark looks at: `deep THREADS FRAMES` has that many threads, each so deep and then at a lock that is never let go, and one heartbeat
 * thread that runs all the time and notes its largest gap.  Prints "ready" when all are down; a line on standard input
 * begins a new measurement and prints the largest gap so far in microseconds; ends with its standard input. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static long frames;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* main has it for good */
static atomic_long down;
static _Atomic int64_t largest_ns;

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

__attribute__((noinline, optimize("no-optimize-sibling-calls"))) static long descend(long left)
{
	volatile long here = left;
	if (left <= 0) {
		atomic_fetch_add(&down, 1);
		pthread_mutex_lock(&gate);
	}
	return descend(left - 1) + here;
}

static void *deep(void *arg)
{
	descend(frames);
	return arg;
}

static void *beat(void *arg)
{
	for (int64_t last = now_ns(), t;; last = t) {
		t = now_ns();
		if (t - last > largest_ns)
			largest_ns = t - last;
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t t;
	if (argc < 3)
		return 2;
	alarm(300);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	frames = atol(argv[2]);
	pthread_mutex_lock(&gate);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	for (long i = 0; i < atol(argv[1]); i++)
		if (pthread_create(&t, &attr, deep, NULL) != 0)
			return 1;
	while (down < atol(argv[1]))
		usleep(1000);
	if (argc > 3)
		pthread_create(&t, NULL, beat, NULL);
	puts("ready");
	fflush(stdout);
	for (int c; (c = getchar()) != EOF;) {
		if (c != '\n')
			continue;
		printf("%lld\n", (long long)(atomic_exchange(&largest_ns, 0) / 1000));
		fflush(stdout);
	}
	return 0;
}
