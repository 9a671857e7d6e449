/* Threads of hangdog's own.  They block every signal: those are for the thread that expects them. */
#ifndef HANGDOG_THREADS_H
#define HANGDOG_THREADS_H

#include <pthread.h>

#include "hangdog/base.h"

#define HD_SHARERS_MAX 4u

/* 0 or negative errno (-EAGAIN: no more threads). */
HD_MUST_CHECK int hd_thread_start(pthread_t *ret, void *(*fn)(void *ctx), void *ctx);

/* Calls fn for each of 0 <= i < n, for which processors that we may use and that idle share the work when it is worth a thread.
 * `sharer` (< HD_SHARERS_MAX) tells the threads apart: what belongs to one of them needs no lock.  Returns when all is
 * done; where no thread can be had the caller's does it alone. */
typedef void hd_share_fn(void *ctx, uint32_t sharer, uint32_t i);
void hd_share(uint32_t n, hd_share_fn *fn, void *ctx);

#endif
