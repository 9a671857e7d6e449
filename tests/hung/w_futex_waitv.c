/* EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=futex
 * futex_waitv on two words that nobody is left to change. */
#include <linux/futex.h>
#include <sys/syscall.h>

#include "fixture.h"

struct waiter {
	uint64_t value, address;
	uint32_t flags, reserved;
};

int main(void)
{
	static uint32_t words[2];
	struct waiter waiters[2] = {{0, (uintptr_t)&words[0], 2 | FUTEX_PRIVATE_FLAG, 0},
				    {0, (uintptr_t)&words[1], 2 | FUTEX_PRIVATE_FLAG, 0}};
	fixture_begin();
	long r = syscall(449, waiters, 2, 0, NULL, 0);
	return r < 0 && errno == ENOSYS ? 77 : 0;
}
