/* Cures: changes to the environment of a command so that it does not hang again (--cure).  Pure: the table, and what a
 * list of names means in a given environment.  A variable that the user set is never touched. */
#ifndef HANGDOG_CURE_H
#define HANGDOG_CURE_H

#include "hangdog/arena.h"
#include "hangdog/err.h"
#include "hangdog/report.h"

#define HD_CURE_ENV_MAX 5

struct hd_cure {
	const char *name;
	const char *fixes, *costs;            /* for people; begin with a small letter, no full stop */
	const char *env[HD_CURE_ENV_MAX + 1]; /* "NAME=value", NULL-terminated */
	unsigned how; /* enum hd_cure_how, bits */
};

enum hd_cure_how {
	HD_CURE_JOINT = 0,    /* its variables help together only: none is set when the user set one to another value */
	HD_CURE_EACH = 1,     /* each variable helps alone */
	HD_CURE_PYTHON = 2,   /* hd_cure_python as sitecustomize.py in a folder that leads PYTHONPATH */
};

struct hd_non_cure {
	const char *what, *why; /* what looks like a cure, and why it is none */
};

const struct hd_cure *hd_cure_at(size_t i); /* NULL after the last */
const struct hd_non_cure *hd_non_cure_at(size_t i); /* NULL after the last */
const struct hd_cure *hd_cure_find(const char *name, size_t len);
/* A list as --cure takes it: "auto", "none", or names separated by commas.  -EINVAL names the one that is unknown. */
HD_MUST_CHECK int hd_cure_check(const char *list, struct hd_err *err);
bool hd_cure_is_auto(const char *list);
/* What "auto" means after a hang: the cures that its advice names, as a list; "none" if there is none. */
const char *hd_cure_auto(const struct hd_advice *advice, uint32_t n, struct hd_arena *arena);

struct hd_cure_plan {
	const char *const *env;  /* what to add, NULL-terminated */
	const char *kept;        /* names that the user set already, and so stay: "OMP_NUM_THREADS, ..."; NULL = none */
	bool needs_python;       /* env has a PYTHONPATH that begins with python_dir: hd_cure_python must be there */
};
/* `list` must have passed hd_cure_check and not be "auto".  `env` is the environment now, NULL-terminated. */
struct hd_cure_plan hd_cure_plan(const char *list, const char *const *env, const char *python_dir, struct hd_arena *arena);

/* The text of that sitecustomize.py. */
extern const char hd_cure_python[];

#endif
