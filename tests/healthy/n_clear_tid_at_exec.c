/* EXPECT: verdict=none
 * As n_clear_tid_wakes; the child shares all memory, and what wakes is its exec, which gives that memory up. */
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>

#include "fixture.h"

static int word = 1;

static int body(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fixture_sleep(LOOKALIKE_S);
	execl("/bin/true", "true", NULL);
	_exit(1);
}

int main(void)
{
	static char stack[65536] __attribute__((aligned(64)));
	fixture_begin();
	pid_t child = clone(body, stack + sizeof(stack), CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL, &word);
	MUST(child > 0);
	while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) != 0)
		syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL, NULL, 0);
	return fixture_wait(child);
}
