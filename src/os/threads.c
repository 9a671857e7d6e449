#include "hangdog/threads.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "os/procfile.h"

#define WORTH_A_THREAD 24u /* things of some microseconds each, against the 50 that a thread costs */
#define ASK_AGAIN 8u	   /* things; then after twice as many, and so on */

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

struct team {
	struct shared work;
	struct sharer sharers[HD_SHARERS_MAX]; /* the first is the caller */
	uint32_t n;
	cpu_set_t allowed;
	uint32_t n_allowed; /* processors; 1 = nobody to share with */
	uint32_t ask_at;    /* before this thing we ask for helpers again */
};

static bool take(struct shared *work, uint32_t *ret)
{
	return (*ret = atomic_fetch_add(&work->next, 1)) < work->n;
}

static void *sharer_run(void *arg)
{
	const struct sharer *me = arg;
	struct shared *work = me->work;
	/* A table of descriptors that two threads use makes every read of either take a reference (fs/file.c __fget_light). */
	(void)unshare(CLONE_FILES);
	for (uint32_t i; take(work, &i);)
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
	return running;
}

/* How many helpers have a processor that nobody wants now: the program that we look at is not made to wait for ours.  Since
 * Linux 6.12 who fell asleep on our processor a moment ago (who started us, say) may be counted until somebody is chosen
 * there again (DELAY_DEQUEUE, kernel/sched/fair.c); to yield is to ask for that, once. */
static uint32_t helpers_for(const struct team *team, uint32_t left)
{
	uint32_t worth = left / WORTH_A_THREAD, most = team->n_allowed < HD_SHARERS_MAX ? team->n_allowed : HD_SHARERS_MAX;
	most = worth < most ? worth : most;
	if (most <= team->n)
		return 0;
	uint32_t running = running_now();
	if (running >= team->n_allowed && team->ask_at == 0) {
		sched_yield();
		running = running_now();
	}
	uint32_t idle = running < team->n_allowed ? team->n_allowed - running : 0;
	return idle < most - team->n ? idle : most - team->n;
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

static void team_grow(struct team *team, uint32_t left)
{
	for (uint32_t wanted = helpers_for(team, left); wanted > 0; wanted--) {
		struct sharer *sharer = &team->sharers[team->n];
		*sharer = (struct sharer){.work = &team->work, .number = team->n};
		if (hd_thread_start(&sharer->thread, sharer_run, sharer) < 0)
			return;
		send_away(sharer->thread, team->allowed);
		team->n++;
	}
}

void hd_share(uint32_t n, hd_share_fn *fn, void *ctx)
{
	struct team team = {.work = {.fn = fn, .ctx = ctx, .n = n}, .n = 1, .n_allowed = 1};
	if (n / WORTH_A_THREAD > 1 && sched_getaffinity(0, sizeof(team.allowed), &team.allowed) == 0)
		team.n_allowed = (uint32_t)CPU_COUNT(&team.allowed);
	for (uint32_t i; take(&team.work, &i);) {
		/* Who kept the other processors busy may only have been on its way to sleep. */
		if (i >= team.ask_at) {
			team_grow(&team, n - i);
			team.ask_at = i < ASK_AGAIN ? ASK_AGAIN : 2 * i;
		}
		fn(ctx, /* sharer= */ 0, i);
	}
	while (team.n > 1)
		pthread_join(team.sharers[--team.n].thread, NULL);
}
