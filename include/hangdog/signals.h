/* What hangdog was started with (signal mask and dispositions, for COMMAND to get back), and what reaches it since.
 *
 * All signals that can be are blocked and read from one descriptor; no disposition is changed but SIGCHLD's, no handler
 * is installed.  Forwarding rule of `run` (docs/decisions/0001-wrapper-form.md): hangdog shares COMMAND's process group,
 * so what the terminal or a kill of the group sends reaches COMMAND by itself.  A signal that came from a process is
 * sent on to the root once, unless the root got the same signal from the same sender within the time of a group kill. */
#ifndef HANGDOG_SIGNALS_H
#define HANGDOG_SIGNALS_H

#include "hangdog/err.h"

struct hd_signals;
struct hd_tracer;

enum hd_signals_role {
	HD_SIGNALS_FORWARD = 0, /* run: they are for COMMAND */
	HD_SIGNALS_OURS,        /* attach, why, top: INT, TERM, HUP, QUIT mean "stop"; TSTP is ignored: a stopped
				 * tracer would freeze its tracees at their next fork or signal */
};

struct hd_happened {
	bool child;          /* call hd_tracer_drain */
	bool resized;        /* SIGWINCH */
	int32_t stop_signal; /* asked to end: role OURS, or FORWARD while no root lives; 0 = no */
	int64_t again_ns;    /* call again in so long at the latest, -1 = only when the descriptor is readable */
};

/* Early in main, before any other descriptor is opened: also makes sure that 0, 1 and 2 are taken (by /dev/null, closed
 * on exec), so that nothing of hangdog's own lands there. */
HD_MUST_CHECK int hd_signals_new(enum hd_signals_role role, struct hd_signals **ret, struct hd_err *err);
void hd_signals_free(struct hd_signals *signals); /* mask and dispositions as before; NULL is fine */
int hd_signals_fd(const struct hd_signals *signals); /* poll for POLLIN */
/* Never blocks.  Call when the descriptor is readable or again_ns is over; forwards what is due. */
struct hd_happened hd_signals_poll(struct hd_signals *signals, struct hd_tracer *tracer);
/* Ends hangdog as the command ended: by the same signal, without a core file.  Comes back where that is impossible (pid 1
 * of a namespace, or a plain exit) with the exit status to use: the command's own, or 128 + signal. */
int hd_signals_end_like(int32_t wait_status);

#endif
