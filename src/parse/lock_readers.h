/* One reader per kind of lock: (layout, call) -> struct hd_lock.  Each fills p->lock and reports failed checks; none
 * allocates, prints or loops without a bound.  Called by lock_classify.c only. */
#ifndef HANGDOG_PARSE_LOCK_READERS_H
#define HANGDOG_PARSE_LOCK_READERS_H

#include "parse/lock_probe.h"

/* glibc pthread objects, nptl/ and sysdeps/nptl/bits/struct_{mutex,rwlock}.h, x86-64, offsets equal from 2.27 to 2.43.
 */
struct hd_glibc_mutex {
	uint32_t lock, count, owner, nusers, kind;
};
#define HD_MUTEX_ROBUST 0x10u
#define HD_MUTEX_PI 0x20u
#define HD_MUTEX_PP 0x40u
#define HD_MUTEX_PSHARED 0x80u
#define HD_MUTEX_KIND_BITS 0x3f3u

/* false: not readable. */
HD_MUST_CHECK bool hd_glibc_mutex_read(struct hd_mem *mem, uint64_t base, struct hd_glibc_mutex *ret);
/* NULL = all fields fit together, else the static text of the first check that failed. */
const char *hd_glibc_mutex_doubt(const struct hd_glibc_mutex *m);
bool hd_glibc_mutex_is_held(const struct hd_glibc_mutex *m);
int32_t hd_glibc_mutex_owner(const struct hd_glibc_mutex *m);

void hd_glibc_mutex(struct hd_probe *p);
void hd_glibc_rdlock(struct hd_probe *p);
void hd_glibc_wrlock(struct hd_probe *p);
void hd_glibc_rwlock(struct hd_probe *p); /* which side is told by the word: setlocale */
void hd_glibc_cond(struct hd_probe *p);
void hd_glibc_cond_destroy(struct hd_probe *p);
void hd_glibc_sem(struct hd_probe *p);
void hd_glibc_barrier(struct hd_probe *p);
void hd_glibc_barrier_destroy(struct hd_probe *p);
void hd_glibc_join(struct hd_probe *p);
void hd_glibc_once(struct hd_probe *p);
void hd_glibc_internal(struct hd_probe *p); /* bare words: malloc, stdio, loader, everything else */

void hd_musl_mutex(struct hd_probe *p);
void hd_musl_rdlock(struct hd_probe *p);
void hd_musl_wrlock(struct hd_probe *p);
void hd_musl_cond(struct hd_probe *p);
void hd_musl_sem(struct hd_probe *p);
void hd_musl_barrier(struct hd_probe *p);
void hd_musl_join(struct hd_probe *p);
void hd_musl_once(struct hd_probe *p);
void hd_musl_internal(struct hd_probe *p);

void hd_runtime_guard(struct hd_probe *p);
void hd_runtime_future(struct hd_probe *p);
void hd_runtime_atomic(struct hd_probe *p);
void hd_rust_mutex(struct hd_probe *p);
void hd_rust_rdlock(struct hd_probe *p);
void hd_rust_wrlock(struct hd_probe *p);
void hd_rust_cond(struct hd_probe *p);
void hd_rust_once(struct hd_probe *p);
void hd_parking_lot(struct hd_probe *p);
void hd_runtime_park(struct hd_probe *p); /* Rust park, pools, Go: the word is the waiter's, not the lock's */
void hd_absl_mutex(struct hd_probe *p);
void hd_absl_cond(struct hd_probe *p);
void hd_absl_spin(struct hd_probe *p);
void hd_runtime_spinlock(struct hd_probe *p);
void hd_gomp_lock(struct hd_probe *p);
void hd_runtime_team(struct hd_probe *p);
void hd_tbb_wait(struct hd_probe *p);

void hd_python_sem(struct hd_probe *p);
void hd_python_semlock(struct hd_probe *p); /* the semaphore was read: whose SemLock is it? */
void hd_python_park(struct hd_probe *p);
void hd_python_attach(struct hd_probe *p);

/* No name to go by: what the words alone say (locks.md 3.2, step 5).  Never HD_CONF_HIGH but for PI words. */
void hd_lock_structural(struct hd_probe *p);

#endif
