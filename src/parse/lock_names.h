/* Which call is this thread inside?  Names of native frames -> the locking call, innermost to outermost.
 *
 * A libc that is stripped shows few names, and the function on top is often a local one; the name by which it was
 * called (hd_frame.called_as) survives.  Only frames of runtime libraries (C library, loader, C++ runtime, absl,
 * libgomp, ...) and frames with a name of the table are looked at: the walk ends where the program's own code begins.
 * The table is lock_names.def; reference: locks.md sections 2.2 to 2.5 and 3. */
#ifndef HANGDOG_PARSE_LOCK_NAMES_H
#define HANGDOG_PARSE_LOCK_NAMES_H

#include "hangdog/frame.h"
#include "hangdog/maps.h"

/* What a call blocks on.  The first group are primitives (they wait themselves); the second are the callers of
 * primitives that say which lock it is. */
enum hd_lock_api {
	HD_API_NONE = 0,
	HD_API_MUTEX,
	HD_API_RDLOCK,
	HD_API_WRLOCK,
	HD_API_COND,
	HD_API_COND_DESTROY,
	HD_API_SEM,
	HD_API_BARRIER,
	HD_API_BARRIER_DESTROY,
	HD_API_JOIN,
	HD_API_ONCE,
	HD_API_GUARD,
	HD_API_FUTURE,
	HD_API_ATOMIC_WAIT,
	HD_API_RUST_MUTEX,
	HD_API_RUST_RDLOCK,
	HD_API_RUST_WRLOCK,
	HD_API_RUST_COND,
	HD_API_RUST_ONCE,
	HD_API_RUST_PARK,
	HD_API_PARKING_LOT,
	HD_API_ABSL_MUTEX,
	HD_API_ABSL_COND,
	HD_API_ABSL_SPIN,
	HD_API_SPINLOCK,
	HD_API_GOMP_LOCK,
	HD_API_TBB_WAIT,
	HD_API_GO,
	HD_API_PY_PARK,   /* the parking lot itself */
	HD_API_PY_MUTEX,  /* what parks there: PyMutex and what is made of it */
	HD_API_PY_ATTACH, /* a thread that comes back to the interpreter: for its lock, or parked while all are stopped */
	HD_API_LAST_PRIMITIVE = HD_API_PY_ATTACH,
	HD_API_PLAIN, /* the slow path of a bare libc lock: says nothing about which */
	HD_API_STDIO,
	HD_API_MALLOC,
	HD_API_LOADER,
	HD_API_LIBC, /* any other public function of the C library */
	HD_API_PY_LOCK,
	HD_API_PY_GIL,
	HD_API_MP_SEM,
	HD_API_TEAM,
	HD_API_POOL, /* a thread pool that waits by another library's primitives */
	HD_API_GLUE, /* inner workings of a known runtime: walk on, no meaning of its own */
};

enum hd_lock_libc { HD_LIBC_UNKNOWN = 0, HD_LIBC_GLIBC, HD_LIBC_MUSL };

struct hd_lock_hit {
	enum hd_lock_api api;
	const char *name;   /* as people write it: "pthread_mutex_lock", "std::thread::join" */
	const char *family; /* static text */
};

#define HD_LOCK_HITS_MAX 12u

struct hd_lock_calls {
	struct hd_lock_hit primitive[HD_LOCK_HITS_MAX]; /* innermost first */
	uint32_t n_primitives;
	struct hd_lock_hit caller[HD_LOCK_HITS_MAX]; /* innermost first, HD_API_PLAIN and _GLUE left out */
	uint32_t n_callers;
	bool has_plain;        /* the slow path of a bare libc lock was seen */
	const char *outermost; /* last public name before the program's own code, NULL = no name at all */
	const char *beyond;    /* family of the module where the walk ended, "cpython" or NULL */
	enum hd_lock_libc libc;
	uint64_t
		runtime_end; /* stack address where the runtime's frames end (the CFA of the last one), 0 = not known */
};

/* Names that `ret` points to live in the arena or are static.  Looks at a bounded number of frames. */
void hd_lock_calls_find(const struct hd_stack *stack, struct hd_arena *arena, struct hd_lock_calls *ret);

#endif
