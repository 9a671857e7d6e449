/* EXPECT: verdict=none
 * futex_waitv on two words, of which a sleeping thread wakes the second. */
#include <linux/futex.h>
#include <sys/syscall.h>

#include "fixture.h"

struct waiter {
	uint64_t value, address;
	uint32_t flags, reserved;
};

static uint32_t words[2];

static void *wake(void *arg)
{
	fixture_sleep(LOOKALIKE_S);
	syscall(SYS_futex, &words[1], FUTEX_WAKE_PRIVATE, 1);
	return arg;
}

int main(void)
{
	struct waiter waiters[2] = {{0, (uintptr_t)&words[0], 2 | FUTEX_PRIVATE_FLAG, 0},
				    {0, (uintptr_t)&words[1], 2 | FUTEX_PRIVATE_FLAG, 0}};
	fixture_begin();
	fixture_thread(wake, NULL);
	long r = syscall(449, waiters, 2, 0, NULL, 0);
	return r < 0 && errno != ENOSYS;
}
