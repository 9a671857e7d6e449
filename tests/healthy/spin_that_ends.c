/* EXPECT: verdict=none
 * STALL: 6
 * Spin locks, yielding loops and adaptive mutexes that are given back after a second or two, again and again. */
#include "fixture.h"

static pthread_spinlock_t spin;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
static atomic_int step;

static void *hold(void *arg)
{
	for (int i = 0; i < 5; i++) {
		pthread_spin_lock(&spin);
		pthread_mutex_lock(&adaptive);
		step = 2 * i + 1;
		fixture_sleep(1.5);
		pthread_mutex_unlock(&adaptive);
		pthread_spin_unlock(&spin);
		while (step != 2 * i + 2)
			sched_yield();
	}
	return arg;
}

int main(void)
{
	fixture_begin();
	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	pthread_t other = fixture_thread(hold, NULL);
	for (int i = 0; i < 5; i++) {
		while (step != 2 * i + 1)
			sched_yield();
		if (i % 2 == 0) {
			pthread_spin_lock(&spin);
			pthread_spin_unlock(&spin);
		} else {
			pthread_mutex_lock(&adaptive);
			pthread_mutex_unlock(&adaptive);
		}
		step = 2 * i + 2;
	}
	pthread_join(other, NULL);
	return 0;
}
