/* hangdog's own threads: who does what, and that no signal of the program's ends up in them.  covers: threads.c */
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "hangdog/threads.h"

TestSuite(threads, .timeout = 30);

struct tally {
	_Atomic uint32_t times[1000];
	_Atomic uint32_t by_sharer[HD_SHARERS_MAX];
	_Atomic bool is_strange;
};

static void count(void *ctx, uint32_t sharer, uint32_t i)
{
	struct tally *tally = ctx;
	if (sharer >= HD_SHARERS_MAX || i >= HD_COUNTOF(tally->times))
		tally->is_strange = true;
	else {
		tally->times[i]++;
		tally->by_sharer[sharer]++;
	}
}

static void expect_each_once(uint32_t n, struct tally *tally)
{
	*tally = (struct tally){0};
	hd_share(n, count, tally);
	cr_expect_not(tally->is_strange);
	for (uint32_t i = 0; i < HD_COUNTOF(tally->times); i++)
		cr_expect_eq(tally->times[i], i < n ? 1u : 0u, "%u of %u was done %u times", i, n, (unsigned)tally->times[i]);
}

Test(threads, everything_is_done_exactly_once)
{
	struct tally tally;
	for (uint32_t n = 0; n <= HD_COUNTOF(tally.times); n = n < 130 ? n + 1 : n + 435)
		expect_each_once(n, &tally);
}

Test(threads, few_things_are_not_worth_a_thread)
{
	struct tally tally;
	expect_each_once(20, &tally);
	cr_expect_eq(tally.by_sharer[0], 20u);
}

Test(threads, no_more_threads_than_processors_that_we_may_use)
{
	struct tally tally;
	cpu_set_t all, one;
	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	}
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	expect_each_once(1000, &tally);
	cr_expect_eq(tally.by_sharer[0], 1000u);
	cr_assert_eq(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void *own_mask(void *ret)
{
	pthread_sigmask(SIG_SETMASK, NULL, ret);
	return NULL;
}

Test(threads, they_take_no_signals_and_ours_stay_as_they_were)
{
	sigset_t before, after, inside;
	pthread_t thread;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	cr_assert_eq(hd_thread_start(&thread, own_mask, &inside), 0);
	pthread_join(thread, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int sig = 1; sig < 32; sig++) {
		cr_expect(sig == SIGKILL || sig == SIGSTOP || sigismember(&inside, sig), "signal %d", sig);
		cr_expect_eq(sigismember(&before, sig), sigismember(&after, sig), "signal %d", sig);
	}
}
