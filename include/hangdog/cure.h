/* Cures: changes to the environment of a command so that it does not hang again (--cure).  Pure: the table, and what a
 * list of names means in a given environment.  A variable that the user set is never touched. */
#ifndef HANGDOG_CURE_H
#define HANGDOG_CURE_H

#include "hangdog/arena.h"
#include "hangdog/err.h"
#include "hangdog/report.h"

#define HD_CURE_ENV_MAX 3

struct hd_cure {
	const char *name;
	const char *fixes, *costs;            /* for people; begin with a small letter, no full stop */
	const char *env[HD_CURE_ENV_MAX + 1]; /* "NAME=value", NULL-terminated */
	unsigned how; /* enum hd_cure_how, bits */
};

enum hd_cure_how {
	HD_CURE_JOINT = 0,    /* its variables help together only: none is set when the user set one to another value */
	HD_CURE_EACH = 1,     /* each variable helps alone */
	HD_CURE_PYTHON = 2,   /* needs DIR/python/sitecustomize.py (hd_cure_python), its folder first in PYTHONPATH */
	HD_CURE_PAUSE = 4,    /* needs DIR/HD_CURE_PAUSE_FILE (contrib/shim/pause.c), last in LD_PRELOAD */
	HD_CURE_GATE = 8,     /* needs DIR/HD_CURE_GATE_FILE (contrib/shim/gate.c), last in LD_PRELOAD */
};

#define HD_CURE_FILES (HD_CURE_PYTHON | HD_CURE_PAUSE | HD_CURE_GATE)
#define HD_CURE_PAUSE_FILE "hangdog-pause-" HD_VERSION ".so"
#define HD_CURE_GATE_FILE "hangdog-gate-" HD_VERSION ".so"

struct hd_non_cure {
	const char *what, *why; /* what looks like a cure, and why it is none */
};

const struct hd_cure *hd_cure_at(size_t i); /* NULL after the last */
const struct hd_non_cure *hd_non_cure_at(size_t i); /* NULL after the last */
const struct hd_cure *hd_cure_find(const char *name, size_t len);
/* A list as --cure takes it: "auto", "none", or names separated by commas.  -EINVAL names the one that is unknown. */
HD_MUST_CHECK int hd_cure_check(const char *list, struct hd_err *err);
bool hd_cure_is_auto(const char *list);
/* What "auto" does after a hang: one more cure than those in `tried` (a list), the least intrusive first: of those that
 * the advice names, then, if they did not help, mp-start (for Python), omp-pause and fork-gate.  What the user has decided
 * by setting a variable is passed over.  NULL = nothing is left. */
const struct hd_cure *hd_cure_next(const struct hd_advice *advice, uint32_t n, const char *tried, bool is_python,
				   const char *const *env);

struct hd_cure_plan {
	const char *const *env;  /* what to add, NULL-terminated */
	const char *kept;        /* names that the user set already, and so stay: "OMP_NUM_THREADS, ..."; NULL = none */
	unsigned files;          /* which of HD_CURE_FILES must be there */
};
/* `list` must have passed hd_cure_check and not be "auto".  `env` is the environment now, NULL-terminated; `dir` has no
 * blank and no colon in it if a preload library is asked for. */
struct hd_cure_plan hd_cure_plan(const char *list, const char *const *env, const char *dir, struct hd_arena *arena);

/* The text of that sitecustomize.py. */
extern const char hd_cure_python[];

#endif
