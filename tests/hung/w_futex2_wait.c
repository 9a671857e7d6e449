/* EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=futex
 * The futex_wait call of Linux 6.7 and newer. */
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	static uint32_t word;
	fixture_begin();
	long r = syscall(455, &word, 0UL, 0xffffffffUL, 2 | 128, NULL, 0);
	return r < 0 && errno == ENOSYS ? 77 : 0;
}
