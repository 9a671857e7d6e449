/* Wait statuses under PTRACE_SEIZE: what stopped and how it must be answered.  Pure.
 * Source: ptrace(2) "Stopped states", kernel kernel/ptrace.c and kernel/signal.c (event in bits 16-23 of the status). */
#ifndef HANGDOG_WAITSTATUS_H
#define HANGDOG_WAITSTATUS_H

#include "hangdog/base.h"

enum hd_stop_kind {
	HD_STOP_NONE = 0,   /* continued, or a status that no kernel sends */
	HD_STOP_ENDED,      /* exited or killed: the task is gone */
	HD_STOP_BIRTH,      /* fork, vfork or clone: the event message is the new tid */
	HD_STOP_EXEC,       /* the event message is the tid before */
	HD_STOP_TRAP,       /* first stop of a new task, end of an INTERRUPT, or SIGCONT seen in a group stop */
	HD_STOP_GROUP,      /* job control: `signal` stopped the process; LISTEN, a CONT would silently undo the stop */
	HD_STOP_SIGNAL,     /* `signal` is about to be delivered: inject it again */
	HD_STOP_OTHER,      /* an event that we do not ask for: let it go on */
};

/* What the tracer has to do now. */
enum hd_answer { HD_ANSWER_NOTHING = 0, HD_ANSWER_CONT, HD_ANSWER_LISTEN };

struct hd_stop {
	enum hd_stop_kind kind;
	enum hd_answer answer;
	int32_t signal; /* GROUP, SIGNAL; 0 otherwise.  What CONT must carry is `signal` for SIGNAL, 0 for the rest */
	int32_t event;  /* PTRACE_EVENT_*, 0 = none */
};

struct hd_stop hd_stop_decode(int32_t status);

#endif
