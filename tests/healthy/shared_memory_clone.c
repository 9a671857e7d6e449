/* EXPECT: verdict=none
 * A process that is no thread, but shares the memory (CLONE_VM), will wake the waiter. */
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>

#include "fixture.h"

static uint32_t word;
static char stack[1 << 16];

static int waker(void *arg)
{
	struct timespec t = {1, 200000000};
	(void)arg;
	syscall(SYS_nanosleep, &t, NULL);
	__atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return 0;
}

int main(void)
{
	fixture_begin();
	pid_t child = clone(waker, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	MUST(child > 0);
	while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0)
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	return fixture_wait(child);
}
