/* What one thread of the parent did at a fork, as far as the evidence goes.  Private to core/audit*. */
#ifndef HANGDOG_CORE_AUDIT_H
#define HANGDOG_CORE_AUDIT_H

#include "hangdog/audit.h"

struct hd_audit_thread {
	const char *lock;     /* held by the place where it stood, or by Python's own notes; NULL = none known */
	const char *function; /* in which it stood, with `lock` from a place; NULL */
	const char *library;  /* whose thread it is and what that means in a copy; NULL = none known */
	const char *advice;   /* with library */
	bool is_waiting;      /* asleep in a system call */
	bool is_python;       /* only its Python stack is known */
};

struct hd_audit_thread hd_audit_thread(const struct hd_fork_other *other);

#endif
