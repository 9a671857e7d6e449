/* EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=futex
 * SIGHT: all
 * CLONE_CHILD_CLEARTID on a word in shared memory looks as if the child's end would wake the parent; but the kernel leaves
 * the word alone when the child was the last user of its own memory (kernel/fork.c mm_release: mm_users > 1). */
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	int *word = fixture_shared(4096);
	fixture_begin();
	*word = 1;
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_CHILD_CLEARTID | SIGCHLD, 0, 0, word, 0);
	MUST(child >= 0);
	if (child == 0) {
		fixture_begin();
		fixture_sleep(0.3);
		_exit(0);
	}
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != 0)
		syscall(SYS_futex, word, FUTEX_WAIT, 1, NULL, NULL, 0);
	return fixture_wait(child);
}
