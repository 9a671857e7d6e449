/* The forks of a run that were made while other threads existed: how dangerous each was, and why.  The honest answer to
 * "is this warning about fork and threads real for my run?".  Pure.  Evidence is what was noted at the fork; what was not
 * noted is said, never guessed. */
#ifndef HANGDOG_AUDIT_H
#define HANGDOG_AUDIT_H

#include "hangdog/report.h"

/* Worst first. */
#define HD_RISKS(X)                                                                              \
	X(HD_RISK_HELD, "held")       /* the copy ran on, and a thread held a lock at that moment */ \
	X(HD_RISK_LIBRARY, "library") /* it ran on without the threads of a library that needs them */ \
	X(HD_RISK_UNKNOWN, "unknown") /* it ran on, and where some thread was is not known */        \
	X(HD_RISK_IDLE, "idle")       /* it ran on; all others waited, and held nothing that is known */ \
	X(HD_RISK_EXEC, "exec")       /* it became another program: nothing of the copy is left */

enum hd_risk {
#define X(c, name) c,
	HD_RISKS(X)
#undef X
	HD_RISK_COUNT
};

struct hd_audit_fork {
	int32_t pid;
	const struct hd_fork *fork; /* resolved; NULL = no evidence was taken */
	uint32_t parent_threads;
	bool has_exec;
};

struct hd_audit {
	const struct hd_audit_fork *forks; /* made while other threads existed, in order of time */
	size_t n;
	uint64_t total;     /* how many there were, with those that found no room */
	uint64_t all_forks; /* of the run, also by processes with one thread */
	bool has_hung;
};

const char *hd_risk_name(enum hd_risk risk);
enum hd_risk hd_audit_risk(const struct hd_audit_fork *f);

void hd_audit_text(const struct hd_audit *audit, const struct hd_text_style *style, struct hd_buf *out);
/* One object, schema hangdog.audit/1, and a newline. */
void hd_audit_json(const struct hd_audit *audit, struct hd_buf *out);

#endif
