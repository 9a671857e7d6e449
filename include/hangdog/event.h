/* What the tracer saw, as plain data: wait statuses become events (parse/waitstatus), events change the model. */
#ifndef HANGDOG_EVENT_H
#define HANGDOG_EVENT_H

#include "hangdog/snapshot.h"

enum hd_event_kind {
	HD_EV_NONE = 0,
	HD_EV_NEW_PROCESS, /* other = the new pid; birth tells fork, vfork or clone; tid = 0: the root, or found by attach */
	HD_EV_NEW_THREAD,  /* other = the new tid */
	HD_EV_EXEC,        /* tid = the leader now; other = tid before */
	HD_EV_EXIT,        /* status = wait status */
	HD_EV_GROUP_STOP,  /* signal */
	HD_EV_CONTINUED,
	HD_EV_SIGNAL,      /* signal about to be delivered */
};

enum hd_birth { HD_BIRTH_FORK = 0, HD_BIRTH_VFORK, HD_BIRTH_CLONE_VM, HD_BIRTH_UNKNOWN };

struct hd_event {
	enum hd_event_kind kind;
	int32_t tid, other;
	int32_t pid;          /* the process of tid (its thread group leader), 0 = not known */
	uint64_t start;       /* of the new or exited task, 0 = not known */
	enum hd_birth birth;
	int32_t status, signal;
	int64_t time_ns;      /* CLOCK_REALTIME */
	struct hd_fork *fork; /* NEW_PROCESS by fork: evidence, owned by `fork_arena`; NULL = none */
	struct hd_arena *fork_arena; /* the model takes it */
	char comm[16];        /* kernel name of the new process, or after the exec; "" = not known */
};

#endif
