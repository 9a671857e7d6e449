/* EXPECT: verdict=none
 * STALL: 3
 * Loops that compute for longer than the stall time, without a word: in registers, over memory that does not change, and one
 * that yields now and then. */
#include "fixture.h"

static volatile uint64_t result;
static const uint64_t table[64] = {3, 5, 7};

static void compute(double seconds, bool yields)
{
	uint64_t x = 1;
	struct timespec begin, now;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		for (int i = 0; i < 20000000; i++)
			x = x * 6364136223846793005u + table[x >> 58];
		if (yields)
			sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - begin.tv_sec < seconds);
	result = x;
}

static void *both(void *arg)
{
	compute(7, arg != NULL);
	return arg;
}

int main(void)
{
	fixture_begin();
	pthread_t other = fixture_thread(both, &other);
	both(NULL);
	pthread_join(other, NULL);
	return 0;
}
