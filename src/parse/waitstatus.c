#include "hangdog/waitstatus.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* PTRACE_EVENT_STOP: the signal tells a job-control stop from everything else. */
static struct hd_stop event_stop(int signal)
{
	bool is_group = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
	if (is_group)
		return (struct hd_stop){HD_STOP_GROUP, HD_ANSWER_LISTEN, signal, PTRACE_EVENT_STOP};
	return (struct hd_stop){HD_STOP_TRAP, HD_ANSWER_CONT, 0, PTRACE_EVENT_STOP};
}

struct hd_stop hd_stop_decode(int32_t status)
{
	if (WIFEXITED(status) || WIFSIGNALED(status))
		return (struct hd_stop){.kind = HD_STOP_ENDED};
	if (!WIFSTOPPED(status))
		return (struct hd_stop){.kind = HD_STOP_NONE};
	int event = (status >> 16) & 0xff;
	switch (event) {
	case 0:
		return (struct hd_stop){HD_STOP_SIGNAL, HD_ANSWER_CONT, WSTOPSIG(status), 0};
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		return (struct hd_stop){HD_STOP_BIRTH, HD_ANSWER_CONT, 0, event};
	case PTRACE_EVENT_EXEC:
		return (struct hd_stop){HD_STOP_EXEC, HD_ANSWER_CONT, 0, event};
	case PTRACE_EVENT_STOP:
		return event_stop(WSTOPSIG(status));
	default:
		return (struct hd_stop){HD_STOP_OTHER, HD_ANSWER_CONT, 0, event};
	}
}
