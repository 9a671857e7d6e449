#include <signal.h>

#include "os/tracer_priv.h"

/* The kernel's own rules apply: SIGTSTP does nothing in an orphaned group, and nothing stops pid 1 of a namespace.
 * Then this returns at once, as the terminal could not have stopped COMMAND either. */
void hd_jobctl_stop_self(int32_t signal)
{
	struct sigaction before, plain = {.sa_handler = SIG_DFL};
	sigset_t only, mask;
	sigaction(signal, &plain, &before);
	sigemptyset(&only);
	sigaddset(&only, signal);
	raise(signal);
	sigprocmask(SIG_UNBLOCK, &only, &mask); /* stops here, until SIGCONT */
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (signal != SIGSTOP)
		sigaction(signal, &before, NULL);
}
