/* Typed growing arrays: struct { T *at; size_t n, cap; }.  Heap memory, released by HD_VEC_RELEASE.
 *   HD_VEC(struct hd_thread) threads = {0};  HD_VEC_PUSH(&threads, t);  threads.at[0] */
#ifndef HANGDOG_VEC_H
#define HANGDOG_VEC_H

#include "hangdog/base.h"

#define HD_VEC(T)               \
	struct {                \
		T *at;          \
		size_t n, cap;  \
	}

/* Room for one more; aborts when memory is out.  Used by the macros only. */
void *hd_vec_grow(void *at, size_t *cap, size_t n, size_t size);

#define HD_VEC_PUSH(v, ...)                                                                      \
	do {                                                                                     \
		if ((v)->n == (v)->cap)                                                          \
			(v)->at = hd_vec_grow((v)->at, &(v)->cap, (v)->n + 1, sizeof(*(v)->at)); \
		(v)->at[(v)->n++] = (__VA_ARGS__);                                               \
	} while (0)

#define HD_VEC_CLEAR(v) ((void)((v)->n = 0))
#define HD_VEC_RELEASE(v)                            \
	do {                                         \
		free((v)->at);                       \
		(v)->at = NULL;                      \
		(v)->n = (v)->cap = 0;               \
	} while (0)

#endif
