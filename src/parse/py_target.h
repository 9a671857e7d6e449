/* The lock behind a futex address, as the program's objects hold it, and the search for it from variables (reference:
 * cpython.md section 9). */
#ifndef HANGDOG_PARSE_PY_TARGET_H
#define HANGDOG_PARSE_PY_TARGET_H

#include "parse/py_reader.h"

#define HD_PY_NAME_BUDGET 20000u    /* objects looked at for a name */
#define HD_PY_HOLDER_BUDGET 200000u /* for a holder, over all threads */
#define HD_PY_DEPTH_MAX 2u

struct hd_py_target {
	uint64_t sem;  /* the futex word: a sem_t that the lock object points to (up to 3.13.0; Buffered always) */
	uint64_t byte; /* parking lot (later): address of the PyMutex, in the lock object or (Buffered in 3.15) that the
			* object points to; 0 = not so */
	uint64_t object; /* or this very object, 0 = not so */
	uint32_t budget;
};

void hd_py_target_init(struct hd_python *py, uint64_t futex_addr, uint32_t budget, struct hd_py_target *ret);
bool hd_py_target_is(struct hd_python *py, struct hd_py_target *t, uint64_t object);
bool hd_py_is_buffered(struct hd_python *py, uint64_t object); /* _io.BufferedWriter and the like */
/* The first lock within `depth` steps below `object`: its path is appended to `path` (may be NULL), and *ret_parent is
 * the object that it is an attribute or item of.  0 = none. */
uint64_t hd_py_search_below(struct hd_python *py, struct hd_py_target *t, uint64_t object, unsigned depth, struct hd_buf *path,
			    uint64_t *ret_parent);
/* The object itself, or below it, nearest first. */
uint64_t hd_py_search(struct hd_python *py, struct hd_py_target *t, uint64_t object, unsigned depth_max, struct hd_buf *path,
		      uint64_t *ret_parent);
/* print() names no stream: the lock of a standard one and the stream's name, or 0. */
uint64_t hd_py_stream_search(struct hd_python *py, struct hd_py_target *t, const char **ret_name);

bool hd_py_file_ends(const struct hd_frame *frame, const char *base);
/* "Condition.wait" from 3.11 on, "wait" before. */
bool hd_py_function_is(const struct hd_frame *frame, const char *class, const char *method);
uint64_t hd_py_first_local(struct hd_python *py, const struct hd_frame *frame); /* 0 = none */
/* co_names: address of the first and number. */
uint64_t hd_py_code_names(struct hd_python *py, uint64_t code, uint64_t *ret_n);
/* What the variables of a frame call the lock; NULL = they do not lead there.  (py_name.c) */
const char *hd_py_name_in_frame(struct hd_python *py, struct hd_py_target *t, const struct hd_frame *frame, struct hd_arena *arena);
/* Has this frame, as its code looks, called release() on the lock, and not taken it again?  `inner`: of the `with` blocks
 * that it stands in, so many lie within the one that took the lock; UINT32_MAX: another frame took it.  (py_user.c) */
bool hd_py_gave_back(struct hd_python *py, struct hd_py_target *t, const struct hd_frame *frame, uint32_t inner);
bool hd_py_is_condition_wait(const struct hd_frame *frame);

#endif
