/* CPython 3.8 to 3.15 read from outside through the memory port (reference: cpython.md).  Calls nothing in the target,
 * bounds every loop, checks before it trusts. */
#ifndef HANGDOG_PYTHON_H
#define HANGDOG_PYTHON_H

#include "hangdog/frame.h"
#include "hangdog/maps.h"
#include "hangdog/mem.h"

struct hd_python; /* an interpreter found in one process: version, offsets, where the runtime lies; caches code objects */

/* Reads part of the ELF file behind a mapping (os/ supplies it: map_files, then root/PATH).  Same contract as pread:
 * bytes read, 0 at the end, negative errno. */
struct hd_elf_port {
	ssize_t (*pread)(struct hd_elf_port *port, const struct hd_map *map, void *buf, size_t len, uint64_t offset);
};

/* 0, or -ENOENT: no interpreter (or none of a known version) in there; -EAGAIN: one that has not started yet.  Heap; free
 * with hd_python_free. */
HD_MUST_CHECK int hd_python_find(struct hd_mem *mem, const struct hd_maps *maps, struct hd_elf_port *elf, struct hd_python **ret);
void hd_python_free(struct hd_python *py);
/* What one call reads is kept in half a megabyte until the next call.  Interpreters that are never read at the same time
 * share one: those of a thousand processes would not fit a small machine.  The cache outlives who borrows it. */
struct hd_python_cache;
struct hd_python_cache *hd_python_cache_new(void);
void hd_python_cache_free(struct hd_python_cache *cache);
void hd_python_lend(struct hd_python *py, struct hd_python_cache *cache);
const char *hd_python_version(const struct hd_python *py); /* "3.11.7" */
bool hd_python_is_free_threaded(const struct hd_python *py);

struct hd_py_thread {
	uint64_t tstate;
	uint64_t thread_id;  /* pthread_t = thread pointer */
	int32_t native_tid;  /* as stored (3.11+; before, by the C library), in the thread's PID namespace; 0 = not known.  At the
			      * birth of a child it is the parent's; up to 3.10 the forking thread has the child's */
	bool holds_gil;
	uint64_t gil, gil_end; /* where the lock of its interpreter lies, and who waits for it waits; 0 = none or switched off */
	const char *name;    /* threading.Thread name, NULL */
	struct hd_stack stack; /* Python frames, innermost first; is_pyeval set on the entry frame of each eval call */
};
struct hd_py_threads {
	struct hd_py_thread *at;
	uint32_t n;
	bool is_complete;
	bool gc_running;
};
/* From now on stacks are read to 65,536 frames; without, to 2,048, for whoever keeps the program waiting meanwhile. */
void hd_python_deep(struct hd_python *py, bool is_deep);
/* All thread states of all interpreters, as the memory holds them now: in a newborn child, all the parent's threads. */
HD_MUST_CHECK int hd_python_threads(struct hd_python *py, struct hd_mem *mem, struct hd_arena *arena, struct hd_py_threads *ret);

/* A thread that the fork did not copy, although nobody saw the fork: its thread state was freed in the child, its frames
 * leaked there (cpython.md section 8.6).  thread_id: its thread control block, which must be dead.  Exact, or -ENOENT: the
 * memory is used for something else by now (3.15: always). */
HD_MUST_CHECK int hd_python_dead_thread(struct hd_python *py, struct hd_mem *mem, uint64_t thread_id, struct hd_arena *arena,
					struct hd_py_thread *ret);

/* A lock that a Python thread waits for (futex address, native frames' hints) → the variable or attribute that names it,
 * "cache_lock (in train.py)", "self._lock of Pool (in pool.py)"; NULL when not found. */
const char *hd_python_lock_name(struct hd_python *py, struct hd_mem *mem, uint64_t futex_addr, const struct hd_py_thread *waiter,
				struct hd_arena *arena);
/* Of these threads (as read from the newborn), which is inside `with` of the lock at this futex address: index or -1. */
int hd_python_lock_holder(struct hd_python *py, struct hd_mem *mem, uint64_t futex_addr, const struct hd_py_threads *threads);
/* All `with` blocks of locks that these living threads are in, found once for all that is asked of them. */
struct hd_py_helds {
	struct hd_py_held {
		uint32_t thread, frame, slot; /* indexes; of the live words of the frame's value stack */
		uint64_t object;        /* a lock, or an object that has one */
	} *at;
	uint32_t n;
};
void hd_python_helds(struct hd_python *py, struct hd_mem *mem, const struct hd_py_threads *threads, struct hd_arena *arena,
		     struct hd_py_helds *ret);
/* Which of the threads is inside `with` of the lock at this futex address: index or -1. */
int hd_python_lock_inside(struct hd_python *py, struct hd_mem *mem, uint64_t futex_addr, const struct hd_py_threads *threads,
			  const struct hd_py_helds *helds);
/* Nobody is: the only one of them that stands behind an acquire() and before its release(), in a function that names the
 * lock; index or -1.  A good guess, no more. */
int hd_python_lock_user(struct hd_python *py, struct hd_mem *mem, uint64_t futex_addr, const struct hd_py_threads *threads);
/* The locks that this thread is inside `with` of: "cache_lock (in train.py), a lock", or NULL = none.  Locks taken by
 * acquire() leave no trace. */
const char *hd_python_locks_held(struct hd_python *py, struct hd_mem *mem, const struct hd_py_thread *thread, struct hd_arena *arena);
struct hd_py_task {
	uint64_t addr;
	const char *name;      /* NULL = not readable */
	const char *awaits;    /* "task Task-2", "a gather() of 3", "a Future"; NULL = nothing: it is about to run */
	struct hd_stack stack; /* where its coroutines are suspended, innermost first */
};
struct hd_py_tasks {
	struct hd_py_task *at;
	uint32_t n;
	bool is_complete;
};
/* All asyncio tasks that are not done, of all loops.  maps and elf, where the _asyncio module tells where its lists are
 * (3.14+), may be NULL.  -ENOENT: asyncio was not imported; -EFAULT: nothing can be read. */
HD_MUST_CHECK int hd_python_tasks(struct hd_python *py, struct hd_mem *mem, const struct hd_maps *maps, struct hd_elf_port *elf,
				  struct hd_arena *arena, struct hd_py_tasks *ret);
/* Locals of frame `i` of a thread as "name=repr" texts, bounded, never calling: for --locals. */
HD_MUST_CHECK int hd_python_locals(struct hd_python *py, struct hd_mem *mem, const struct hd_py_thread *thread, uint32_t i,
				   struct hd_arena *arena, const char *const **ret_texts, uint32_t *ret_n);

#endif
