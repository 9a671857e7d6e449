/* What works here and what does not: one row a check, for `hangdog doctor`.  Each is tried, not guessed: a child is traced,
 * a system call is made, a directory is asked for.  Changes nothing: no file is written, nobody is left stopped. */
#ifndef HANGDOG_CHECKS_H
#define HANGDOG_CHECKS_H

#include "hangdog/arena.h"

enum hd_level {
	HD_LEVEL_OK = 0,
	HD_LEVEL_WARN, /* hangdog works, with less proof or comfort */
	HD_LEVEL_FAIL, /* its main job cannot be done */
};

struct hd_finding {
	const char *id, *title; /* "trace", "tracing a command" */
	enum hd_level level;
	const char *found;      /* what was found, a sentence without its full stop */
	const char *remedy;     /* what to do, exactly; NULL when nothing is needed */
};

#define HD_FINDINGS_MAX 32

struct hd_checks_for {
	int32_t pid;              /* 0 = only the machine */
	const char *incident_dir; /* as hd_incident_dir gives it; NULL = none could be named */
};

/* Fills at most HD_FINDINGS_MAX rows, returns how many.  Texts live in the arena. */
size_t hd_checks_run(const struct hd_checks_for *what, struct hd_arena *arena, struct hd_finding *ret);

#endif
