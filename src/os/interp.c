#include "os/interp.h"

#include <errno.h>

#include "hangdog/procfs.h"
#include "os/procfile.h"

/* The main thread's control block lies in a small mapping of the loader, other threads' in their stacks. */
#define LOADER_BLOCK_MAX (UINT64_C(1) << 20)

uint64_t hd_maps_generation(const struct hd_maps *maps)
{
	uint64_t sum = 1469598103934665603; /* FNV-1a, a mapping a step */
	for (size_t i = 0; i < maps->n; i++) {
		if (maps->at[i].executable)
			sum = (sum ^ maps->at[i].start ^ maps->at[i].ino << 20) * 1099511628211;
	}
	return sum;
}

void hd_interps_drop(struct hd_interps *all, struct hd_interp *interp)
{
	hd_table_remove(&all->by_pid, interp);
	hd_python_free(interp->py);
	free(interp);
}

void hd_interps_release(struct hd_interps *all)
{
	struct hd_interp *interp, *next;
	HD_TABLE_EACH(&all->by_pid, interp, next)
		hd_interps_drop(all, interp);
	hd_python_cache_free(all->cache);
	all->cache = NULL;
}

static struct hd_interp *find(const struct hd_interps *all, int32_t pid)
{
	return hd_table_find(&all->by_pid, (uint32_t)pid);
}

struct hd_python *hd_interps_known(const struct hd_interps *all, int32_t pid, uint64_t start, bool *ret_known)
{
	const struct hd_interp *interp = find(all, pid);
	*ret_known = interp != NULL && (start == 0 || interp->start == start);
	return *ret_known ? interp->py : NULL;
}

struct hd_python *hd_interps_get(struct hd_interps *all, int32_t pid, int32_t via, struct hd_mem *mem, const struct hd_maps *maps)
{
	struct hd_stat stat;
	struct hd_elf_live elf;
	struct hd_interp *interp = find(all, pid);
	uint64_t generation = hd_maps_generation(maps);
	if (hd_procfile_stat(via, via, &stat) < 0)
		return NULL;
	bool same = interp != NULL && interp->start == stat.start && interp->start_stack == stat.start_stack;
	if (same && (interp->py != NULL || interp->generation == generation))
		return interp->py;
	if (interp != NULL)
		hd_interps_drop(all, interp);
	interp = calloc(1, sizeof(*interp));
	if (interp == NULL)
		abort();
	*interp = (struct hd_interp){.pid = pid, .start = stat.start, .start_stack = stat.start_stack, .generation = generation};
	hd_elf_live_init(&elf, via);
	int found = hd_python_find(mem, maps, &elf.port, &interp->py);
	hd_elf_live_close(&elf);
	if (found < 0)
		interp->py = NULL;
	else if (all->cache == NULL)
		all->cache = hd_python_cache_new();
	if (interp->py != NULL)
		hd_python_lend(interp->py, all->cache);
	if (found == -EAGAIN)
		interp->generation = ~generation; /* nothing need be mapped for it to start: look again next time */
	hd_table_add(&all->by_pid, (uint32_t)pid, interp);
	return interp->py;
}

/* ---- which Python thread is which ------------------------------------------------------------------------------------ */

/* By the number it noted itself.  At the birth of a child that is the parent's, which no thread of the child has. */
static int32_t by_number(const struct hd_py_threads *threads, const bool *taken, const struct hd_py_row *row)
{
	for (uint32_t k = 0; k < threads->n; k++) {
		if (!taken[k] && threads->at[k].native_tid != 0 && threads->at[k].native_tid == row->ns_tid)
			return (int32_t)k;
	}
	return -1;
}

/* By its control block, which lies above SP in the mapping of its stack. */
static int32_t by_stack(const struct hd_py_threads *threads, const bool *taken, const struct hd_maps *maps, const struct hd_py_row *row)
{
	const struct hd_map *map = row->sp != 0 ? hd_maps_find(maps, row->sp) : NULL;
	int32_t best = -1;
	for (uint32_t k = 0; map != NULL && k < threads->n; k++) {
		uint64_t block = threads->at[k].thread_id;
		if (!taken[k] && block > row->sp && block < map->end && (best < 0 || block < threads->at[best].thread_id))
			best = (int32_t)k;
	}
	return best;
}

/* The main thread: the one that is left, or whose control block is the loader's. */
static int32_t by_elimination(const struct hd_py_threads *threads, const bool *taken, const struct hd_maps *maps)
{
	int32_t only = -1, loader = -1;
	uint32_t left = 0;
	for (uint32_t k = 0; k < threads->n; k++) {
		if (taken[k])
			continue;
		const struct hd_map *map = hd_maps_find(maps, threads->at[k].thread_id);
		if (map != NULL && map->end - map->start < LOADER_BLOCK_MAX)
			loader = (int32_t)k;
		only = (int32_t)k;
		left++;
	}
	return left == 1 ? only : loader;
}

void hd_py_match(const struct hd_py_threads *threads, const struct hd_maps *maps, const struct hd_py_row *rows, uint32_t n, int32_t *ret)
{
	bool *taken = calloc((size_t)threads->n + 1, sizeof(*taken));
	if (taken == NULL)
		abort();
	for (uint32_t i = 0; i < n; i++) {
		ret[i] = by_number(threads, taken, &rows[i]);
		if (ret[i] >= 0)
			taken[ret[i]] = true;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (ret[i] < 0)
			ret[i] = by_stack(threads, taken, maps, &rows[i]);
		if (ret[i] >= 0)
			taken[ret[i]] = true;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (ret[i] < 0 && rows[i].is_main)
			ret[i] = by_elimination(threads, taken, maps);
	}
	free(taken);
}

bool hd_py_view_read(struct hd_interps *all, bool is_deep, const struct hd_snapshot *snap, const struct hd_proc *proc, int32_t via,
		     struct hd_mem *mem, const struct hd_maps *maps, struct hd_arena *arena, struct hd_py_view *ret)
{
	struct hd_py_view view = {.py = hd_interps_get(all, proc->pid, via, mem, maps)};
	if (view.py == NULL)
		return false;
	hd_python_deep(view.py, is_deep);
	int r = hd_python_threads(view.py, mem, arena, &view.threads);
	hd_python_deep(view.py, false);
	if (r < 0)
		return false;
	struct hd_py_row *rows = HD_NEW_N(arena, (size_t)proc->n_threads + 1, struct hd_py_row);
	for (uint32_t i = 0; i < proc->n_threads; i++) {
		const struct hd_thread *thread = &snap->threads[proc->first_thread + i];
		rows[i] = (struct hd_py_row){.ns_tid = thread->ns_tid, .is_main = thread->tid == proc->pid, .sp = thread->sp};
	}
	view.of = HD_NEW_N(arena, (size_t)proc->n_threads + 1, int32_t);
	hd_py_match(&view.threads, maps, rows, proc->n_threads, view.of);
	*ret = view;
	return true;
}

const struct hd_py_thread *hd_py_view_thread(const struct hd_py_view *view, const struct hd_proc *proc, uint32_t t)
{
	int32_t k = view->of != NULL ? view->of[t - proc->first_thread] : -1;
	return k >= 0 ? &view->threads.at[k] : NULL;
}
