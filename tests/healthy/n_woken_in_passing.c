/* EXPECT: verdict=none
 * FUTEX_WAKE_OP: a thread that works on another word wakes this one in passing. */
#include <linux/futex.h>
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	int *words = fixture_shared(4096);
	fixture_begin();
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		long n = syscall(SYS_futex, &words[64], FUTEX_WAKE_OP, 1, (void *)1, &words[0],
				 FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0));
		_exit(n != 1);
	}
	syscall(SYS_futex, &words[0], FUTEX_WAIT, 0, NULL, NULL, 0);
	return fixture_wait(child);
}
