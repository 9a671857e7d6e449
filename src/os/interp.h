/* The Python interpreters of the guarded processes, found once each.  Owned by the watcher. */
#ifndef HD_OS_INTERP_H
#define HD_OS_INTERP_H

#include "hangdog/maps.h"
#include "hangdog/mem.h"
#include "hangdog/python.h"
#include "hangdog/snapshot.h"
#include "hangdog/table.h"

struct hd_interp {
	struct hd_row row; /* by pid */
	int32_t pid;
	/* An exec changes the initial stack pointer, a dlopen (of an embedded interpreter) the mappings. */
	uint64_t start, start_stack, generation;
	struct hd_python *py; /* NULL = none in there */
};

struct hd_interps {
	struct hd_table by_pid;
	struct hd_python_cache *cache; /* of all of them; NULL = none found yet */
};

/* Changes when code is mapped or unmapped: exec, dlopen. */
uint64_t hd_maps_generation(const struct hd_maps *maps);
/* The interpreter of a process; looks for it if it is not known or the process has changed.  NULL = none. */
struct hd_python *hd_interps_get(struct hd_interps *all, int32_t pid, int32_t via, struct hd_mem *mem, const struct hd_maps *maps);
/* What is known without looking; *ret_known: it was looked for. */
struct hd_python *hd_interps_known(const struct hd_interps *all, int32_t pid, uint64_t start, bool *ret_known);
void hd_interps_drop(struct hd_interps *all, struct hd_interp *interp);
void hd_interps_release(struct hd_interps *all);

/* The Python threads of a process, and which of them is which thread of the snapshot.  All in the arena. */
struct hd_py_view {
	struct hd_python *py;
	struct hd_py_threads threads;
	int32_t *of; /* per thread of the process: index into threads.at, -1 = none */
};
/* False when there is no interpreter or its threads cannot be read. */
HD_MUST_CHECK bool hd_py_view_read(struct hd_interps *all, bool is_deep, const struct hd_snapshot *snap, const struct hd_proc *proc, int32_t via,
				   struct hd_mem *mem, const struct hd_maps *maps, struct hd_arena *arena, struct hd_py_view *ret);
/* The Python thread of row t, NULL = none. */
const struct hd_py_thread *hd_py_view_thread(const struct hd_py_view *view, const struct hd_proc *proc, uint32_t t);

/* Which Python thread is which thread: index into threads->at by row, -1 = none.  Rows are threads of one process. */
struct hd_py_row {
	int32_t ns_tid;
	bool is_main;
	uint64_t sp; /* 0 = not known */
};
void hd_py_match(const struct hd_py_threads *threads, const struct hd_maps *maps, const struct hd_py_row *rows, uint32_t n, int32_t *ret);

#endif
