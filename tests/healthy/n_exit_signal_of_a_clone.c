/* EXPECT: verdict=none
 * A child made by clone() that tells its end by another signal than SIGCHLD; the handler posts. */
#include <sched.h>
#include <sys/syscall.h>

#include "posts.h"

int main(void)
{
	fixture_begin();
	sigaction(SIGURG, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	posts_begin(SIGXCPU);
	pid_t child = (pid_t)syscall(SYS_clone, SIGXCPU, 0, 0, 0, 0);
	if (child == 0) {
		fixture_begin();
		fixture_sleep(LOOKALIKE_S);
		_exit(0);
	}
	posts_wait();
	MUST(waitpid(child, NULL, __WALL) == child);
	return 0;
}
