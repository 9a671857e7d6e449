/* EXPECT: verdict=none
 * A waiter is moved by FUTEX_CMP_REQUEUE from a word in one shared memory to a word in another, which it does not even map.  All
 * who map the first then wait for it; its line in /proc still shows the old word; a process that maps only the other
 * memory wakes it. */
#include <linux/futex.h>
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	int *first = fixture_shared(4096), *second, ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t waiter = fixture_fork();
	if (waiter == 0) {
		close(ends[0]);
		syscall(SYS_futex, first, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(write(ends[1], "x", 1) != 1);
	}
	second = fixture_shared(4096);
	pid_t waker = fixture_fork();
	if (waker == 0) {
		munmap(first, 4096);
		close(ends[0]), close(ends[1]);
		fixture_sleep(LOOKALIKE_S);
		_exit(syscall(SYS_futex, second, FUTEX_WAKE, 1, NULL, NULL, 0) != 1);
	}
	close(ends[1]);
	while (syscall(SYS_futex, first, FUTEX_CMP_REQUEUE, 0, (void *)1, second, 0) != 1)
		usleep(1000);
	MUST(read(ends[0], &c, 1) == 1);
	return fixture_wait(waiter) | fixture_wait(waker);
}
