#include "hangdog/threads.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "os/procfile.h"

#define WORTH_A_THREAD 24u /* things of some microseconds each, against the 50 that a thread costs */

int hd_thread_start(pthread_t *ret, void *(*fn)(void *ctx), void *ctx)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(ret, NULL, fn, ctx);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

struct shared {
	hd_share_fn *fn;
	void *ctx;
	uint32_t n;
	atomic_uint next;
};

struct sharer {
	struct shared *work;
	uint32_t number;
	pthread_t thread;
};

static void *sharer_run(void *arg)
{
	const struct sharer *me = arg;
	struct shared *work = me->work;
	uint32_t i;
	while ((i = atomic_fetch_add(&work->next, 1)) < work->n)
		work->fn(work->ctx, me->number, i);
	return NULL;
}

/* How many threads run or want to, ours among them (/proc/loadavg: three averages, then running/existing; fs/proc/loadavg.c). */
static uint32_t running_now(void)
{
	char text[128];
	unsigned running;
	if (hd_procfile_read(text, sizeof(text), "/proc/loadavg") <= 0 || sscanf(text, "%*s %*s %*s %u/", &running) != 1)
		return UINT32_MAX;
	return running > 0 ? running : 1;
}

/* How many of `n` processors nobody wants now, us aside: the program that we look at is not made to wait for ours.  Since
 * Linux 6.12 who fell asleep on our processor a moment ago (who started us, say) may be counted until somebody is chosen
 * there again (DELAY_DEQUEUE, kernel/sched/fair.c); to yield is to ask for that. */
static uint32_t idle_of(uint32_t n)
{
	uint32_t running = running_now();
	if (running >= n) {
		sched_yield();
		running = running_now();
	}
	return running < n ? n - running : 0;
}

static uint32_t sharers_for(uint32_t n, cpu_set_t *ret_allowed)
{
	uint32_t worth = n / WORTH_A_THREAD, most = 1;
	if (worth > 1 && sched_getaffinity(0, sizeof(*ret_allowed), ret_allowed) == 0)
		most += idle_of((uint32_t)CPU_COUNT(ret_allowed));
	most = most < HD_SHARERS_MAX ? most : HD_SHARERS_MAX;
	return worth < most ? worth : most;
}

/* The kernel often lets a new thread wait on its creator's processor, for milliseconds, while another one idles. */
static void send_away(pthread_t thread, cpu_set_t allowed)
{
	int here = sched_getcpu();
	if (here >= 0 && here < CPU_SETSIZE)
		CPU_CLR((size_t)here, &allowed);
	if (CPU_COUNT(&allowed) > 0)
		(void)pthread_setaffinity_np(thread, sizeof(allowed), &allowed);
}

void hd_share(uint32_t n, hd_share_fn *fn, void *ctx)
{
	struct shared work = {.fn = fn, .ctx = ctx, .n = n};
	struct sharer sharers[HD_SHARERS_MAX] = {{.work = &work}};
	cpu_set_t allowed;
	uint32_t wanted = sharers_for(n, &allowed), started = 1;
	while (started < wanted) {
		sharers[started] = (struct sharer){.work = &work, .number = started};
		if (hd_thread_start(&sharers[started].thread, sharer_run, &sharers[started]) < 0)
			break;
		send_away(sharers[started].thread, allowed);
		started++;
	}
	sharer_run(&sharers[0]);
	while (started > 1)
		pthread_join(sharers[--started].thread, NULL);
}
