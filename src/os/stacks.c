/* Stacks for people: native frames out of SP and PC, Python frames out of the interpreter, merged; and what the fork
 * record of a process tells (include/hangdog/forkev.h).  Reads only. */
#include <string.h>

#include "hangdog/capture.h"
#include "hangdog/copy.h"
#include "hangdog/forkev.h"
#include "hangdog/merge.h"
#include "hangdog/procfs.h"
#include "hangdog/verdict.h"
#include "os/arch.h"
#include "os/dig.h"
#include "os/interp.h"
#include "os/lock_place.h"
#include "os/watcher.h"

#define NR_FUTEX 202 /* x86-64 */
#define DWARF_RDI 5

struct job {
	struct hd_watcher *w;
	struct hd_snapshot *snap;
	struct hd_proc *proc;
	const struct hd_stack_options *options;
	const uint8_t *want;
	int32_t via;
	const struct hd_capture *capture; /* NULL = none */
	struct hd_mem_live mem;
	struct hd_maps maps, later; /* later: read when they were asked for, see maps_later */
	uint32_t *frames_left; /* deep stacks may still have, of all processes together */
	uint64_t generation, later_generation;
	bool has_later;
	struct hd_arena *scratch;
	struct hd_unwind_names *names;
	struct hd_py_view python;
};

static bool is_wanted(const struct job *job, uint32_t t)
{
	return job->want == NULL || job->want[t] != 0;
}

#define DEEP_FRAMES (1u << 20)

static uint32_t frames_max(const struct job *job)
{
	if (!job->options->deep || *job->frames_left == 0)
		return 0;
	return *job->frames_left < HD_UNWIND_FRAMES_MAX ? *job->frames_left : HD_UNWIND_FRAMES_MAX;
}

static struct hd_unwind_query query_of(struct job *job, uint64_t sp, uint64_t pc)
{
	const struct hd_map *stack = hd_maps_find(&job->maps, sp);
	return (struct hd_unwind_query){.pid = job->via, .start = job->proc->start, .generation = job->generation,
					.maps = &job->maps, .mem = &job->mem.mem, .regs = {.sp = sp, .pc = pc},
					.stack_end = stack != NULL ? stack->end : 0, .want_lines = job->options->lines, .names = job->names,
					.frames_max = frames_max(job)};
}

/* A captured thread whose registers are known, or NULL. */
static const struct hd_captured *captured(const struct job *job, uint32_t t)
{
	if (job->capture == NULL)
		return NULL;
	const struct hd_captured *row = hd_capture_find(job->capture, job->snap->threads[t].tid);
	return row != NULL && row->regs.sp != 0 ? row : NULL;
}

/* Are the mappings others by now? */
static bool maps_later(struct job *job)
{
	if (!job->has_later) {
		job->has_later = true;
		job->later_generation = hd_procfs_maps(job->via, job->scratch, &job->later) == 0 ? hd_maps_generation(&job->later)
											    : job->generation;
	}
	return job->later_generation != job->generation;
}

/* A thread may stand in a library that was loaded between the reading of the mappings and that of its stack. */
static void unwind_captured(struct job *job, const struct hd_captured *row, struct hd_arena *arena, struct hd_stack *ret)
{
	struct hd_unwind_query query = query_of(job, row->regs.sp, row->regs.pc);
	struct hd_stack again;
	hd_capture_unwind(row, job->w->config.unwinder, &query, arena, ret);
	if (ret->is_complete || ret->is_partial || !maps_later(job))
		return;
	query.maps = &job->later;
	query.generation = job->later_generation;
	query.names = NULL;
	hd_capture_unwind(row, job->w->config.unwinder, &query, arena, &again);
	if (again.is_complete)
		*ret = again;
}

static struct hd_stack native_stack(struct job *job, uint32_t t, struct hd_arena *arena)
{
	const struct hd_thread *thread = &job->snap->threads[t];
	const struct hd_captured *row = captured(job, t);
	struct hd_stack stack = {0};
	if (row != NULL) {
		unwind_captured(job, row, arena, &stack);
	} else if (thread->is_still && thread->sp != 0) {
		struct hd_unwind_query query = query_of(job, thread->sp, thread->pc);
		if (thread->call_known && thread->abi == HD_ABI_X86_64)
			query.regs = hd_arch_regs_in_call(thread->sp, thread->pc, thread->args);
		hd_unwind(job->w->config.unwinder, &query, arena, &stack);
	}
	*job->frames_left -= stack.n < *job->frames_left ? stack.n : *job->frames_left;
	return stack;
}

static void add_locals(struct job *job, const struct hd_py_thread *py_thread, struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		const char *const *texts;
		uint32_t n;
		if (hd_python_locals(job->python.py, &job->mem.mem, py_thread, i, job->snap->arena, &texts, &n) < 0)
			continue;
		const char **locals = HD_NEW_N(job->snap->arena, (size_t)n + 1, const char *);
		memcpy(locals, texts, n * sizeof(*locals));
		stack->at[i].locals = locals;
	}
}

/* The futex word that the thread stands at: as it was captured, else as /proc told. */
static uint64_t futex_word(const struct job *job, uint32_t t)
{
	const struct hd_thread *thread = &job->snap->threads[t];
	const struct hd_captured *row = captured(job, t);
	if (row != NULL && row->how == HD_HOW_BLOCKED)
		return row->nr == NR_FUTEX ? row->args[0] : 0;
	if (row != NULL)
		return row->regs.all_known ? row->regs.gp[DWARF_RDI] : 0;
	return thread->call_known && thread->abi == HD_ABI_X86_64 && thread->nr == NR_FUTEX ? thread->args[0] : 0;
}

static void fill_gil(struct job *job, uint32_t t, const struct hd_py_thread *py_thread)
{
	uint64_t word = py_thread->holds_gil || py_thread->gil == 0 ? 0 : futex_word(job, t);
	job->snap->threads[t].gil = py_thread->holds_gil					? HD_GIL_HOLDS
				    : word > py_thread->gil && word < py_thread->gil_end ? HD_GIL_WAITS
											     : HD_GIL_NONE;
}

static void fill_thread(struct job *job, uint32_t t)
{
	struct hd_thread *thread = &job->snap->threads[t];
	struct hd_stack native = {0}, python = {0};
	const struct hd_py_thread *py_thread = hd_py_view_thread(&job->python, job->proc, t);
	if (py_thread != NULL) {
		thread->py_name = hd_arena_str(job->snap->arena, py_thread->name);
		fill_gil(job, t, py_thread);
		python = hd_stack_copy(&py_thread->stack, job->snap->arena);
		if (job->options->locals)
			add_locals(job, py_thread, &python);
	}
	if (job->options->native && job->w->config.unwinder != NULL)
		native = native_stack(job, t, job->snap->arena);
	if (!job->options->native)
		thread->stack = python;
	else if (!job->options->python || python.n == 0)
		thread->stack = native;
	else
		thread->stack = hd_stack_merge(&native, &python, job->snap->arena);
}

/* A record is resolved once; without one the memory of a process that was forked may still tell. */
static void fill_fork(struct job *job)
{
	struct hd_proc *proc = job->proc;
	if (job->w->config.unwinder == NULL || proc->has_exec || job->options->skip_forks)
		return;
	const struct hd_thread *first = &job->snap->threads[proc->first_thread];
	struct hd_unwind_query query = query_of(job, first->sp, first->pc);
	if (proc->fork == NULL) {
		proc->fork = hd_forkev_dig(job->w->config.unwinder, &query, job->snap->arena);
		/* Its parent of now made it, unless that died meanwhile and another took it over. */
		if (proc->fork != NULL && proc->fork->parent_pid == 0 && proc->parent != HD_NONE)
			proc->fork->parent_pid = proc->ppid;
		if (proc->fork != NULL && job->python.py != NULL)
			hd_dig_python(job->snap, proc, &job->python, &job->mem.mem, job->snap->arena);
	} else if (proc->fork->raw != NULL) {
		struct hd_fork *resolved = hd_forkev_resolve(proc->fork, job->w->config.unwinder, &query, job->snap->arena);
		if (resolved != NULL)
			proc->fork = resolved;
		proc->fork->raw = NULL;
	}
}

static void fill_tasks(struct job *job)
{
	struct hd_py_tasks tasks;
	struct hd_elf_live elf;
	if (!job->options->async || job->python.py == NULL)
		return;
	hd_elf_live_init(&elf, job->via);
	int r = hd_python_tasks(job->python.py, &job->mem.mem, &job->maps, &elf.port, job->snap->arena, &tasks);
	hd_elf_live_close(&elf);
	if (r < 0)
		return;
	job->proc->tasks = tasks.at;
	job->proc->n_tasks = tasks.n;
}

/* The mappings as they were when the threads were captured, else as they are now. */
static bool read_maps(struct job *job)
{
	const struct hd_maps *maps = job->capture != NULL ? hd_capture_maps(job->capture) : NULL;
	if (maps != NULL && maps->n > 0)
		job->maps = *maps;
	else if (hd_procfs_maps(job->via, job->scratch, &job->maps) < 0)
		return false;
	job->generation = hd_maps_generation(&job->maps);
	return true;
}

static void fill_version(struct job *job)
{
	const struct hd_python *py = job->python.py;
	job->proc->python = hd_arena_printf(job->snap->arena, "%s%s", hd_python_version(py),
					    hd_python_is_free_threaded(py) ? " (free-threaded)" : "");
	job->proc->gc_running = job->python.threads.gc_running;
}

static void job_end(struct job *job)
{
	hd_mem_live_close(&job->mem);
	hd_arena_free(job->scratch);
}

/* Its memory and files are there through any thread that lives, which brief ones may have ceased to: the leader first, unless
 * that has ended before its threads. */
static bool open_memory(struct job *job)
{
	const struct hd_proc *proc = job->proc;
	job->via = proc->pid;
	if (proc->state != 'Z' && proc->state != 'X' && hd_mem_live_open(&job->mem, proc->pid) == 0)
		return true;
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		const struct hd_thread *thread = &job->snap->threads[t];
		job->via = thread->tid;
		if (thread->tid != proc->pid && thread->state != 'Z' && thread->state != 'X' &&
		    hd_mem_live_open(&job->mem, thread->tid) == 0)
			return true;
	}
	return false;
}

/* False: nobody of the process is wanted, or it is gone.  Else job_end. */
static bool job_begin(struct job *job)
{
	const struct hd_proc *proc = job->proc;
	bool any = false;
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++)
		any |= is_wanted(job, t);
	if (!any || !open_memory(job))
		return false;
	job->scratch = hd_arena_new();
	if (read_maps(job))
		return true;
	job_end(job);
	return false;
}

/* Where the locks of the wanted threads lie.  Unless that is to be kept, only to have the indexes ready from which members of
 * variables get their names. */
static void find_places(struct job *job, bool keep)
{
	const struct hd_proc *proc = job->proc;
	struct hd_unwind_query query = query_of(job, 0, 0);
	struct hd_lock_places places = {.unwinder = job->w->config.unwinder, .query = &query, .snap = job->snap, .proc = proc,
					.arena = keep ? job->snap->arena : job->scratch, .scratch = job->scratch};
	for (uint32_t t = proc->first_thread; places.unwinder != NULL && t < proc->first_thread + proc->n_threads; t++) {
		struct hd_lock lock = job->snap->threads[t].lock;
		if (!is_wanted(job, t) || (!keep && lock.name == NULL))
			continue;
		hd_lock_place(&places, &lock);
		if (keep)
			job->snap->threads[t].lock = lock;
	}
}

static void fill_proc(struct job *job)
{
	const struct hd_proc *proc = job->proc;
	if (job->options->python && hd_py_view_read(&job->w->interps, job->options->deep, job->snap, proc, job->via, &job->mem.mem, &job->maps,
						    job->scratch, &job->python))
		fill_version(job);
	/* Merging with Python frames needs each frame's own place. */
	job->names = hd_unwind_names_new(job->scratch, /* shares= */ job->python.py == NULL);
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		if (is_wanted(job, t))
			fill_thread(job, t);
	}
	fill_fork(job);
	find_places(job, /* keep= */ true);
	if (job->python.py != NULL)
		hd_inside_python(job->snap, proc, &job->python, &job->mem.mem, job->scratch);
	fill_tasks(job);
}

static void prepare_word(struct job *job, uint64_t addr)
{
	struct hd_unwind_query query = query_of(job, 0, 0);
	struct hd_lock lock = {.base = addr};
	hd_lock_name(job->w->config.unwinder, &query, job->scratch, &lock);
}

static void prepare_proc(struct job *job)
{
	const struct hd_proc *proc = job->proc;
	job->names = hd_unwind_names_new(job->scratch, /* shares= */ true);
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		if (!is_wanted(job, t))
			continue;
		(void)native_stack(job, t, job->scratch);
		for (uint32_t i = 0; i < job->snap->threads[t].n_words; i++)
			prepare_word(job, job->snap->threads[t].words[i].addr);
	}
	find_places(job, /* keep= */ false);
	const struct hd_thread *first = &job->snap->threads[proc->first_thread];
	struct hd_unwind_query query = query_of(job, first->sp, first->pc);
	if (proc->fork != NULL && proc->fork->raw != NULL && !job->options->skip_forks && !proc->has_exec)
		(void)hd_forkev_resolve(proc->fork, job->w->config.unwinder, &query, job->scratch);
}

static void each_proc(struct hd_watcher *w, struct hd_snapshot *snap, const uint8_t *want, const struct hd_stack_options *options,
		      void (*fn)(struct job *job))
{
	uint32_t frames_left = DEEP_FRAMES;
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		struct job job = {.w = w, .frames_left = &frames_left, .snap = snap, .proc = &snap->procs[p], .options = options, .want = want, .mem.fd = -1,
				  .capture = options->captures != NULL ? options->captures[p] : NULL};
		if (!job_begin(&job))
			continue;
		fn(&job);
		job_end(&job);
	}
}

void hd_watcher_stacks(struct hd_watcher *w, struct hd_snapshot *snap, const uint8_t *want, const struct hd_stack_options *options)
{
	each_proc(w, snap, want, options, fill_proc);
}

bool hd_watcher_prepare(struct hd_watcher *w, struct hd_snapshot *snap, const uint8_t *want, const struct hd_stack_options *options)
{
	if (w->config.unwinder == NULL || !options->native)
		return true;
	hd_unwinder_limit(w->config.unwinder, hd_watcher_slice(w));
	each_proc(w, snap, want, options, prepare_proc);
	bool is_done = !hd_unwinder_is_starved(w->config.unwinder);
	hd_unwinder_limit(w->config.unwinder, HD_UNWIND_AT_ONCE);
	return is_done;
}

bool hd_watcher_prepare_gather(struct hd_watcher *w, const struct hd_model *model)
{
	struct hd_snapshot *sketch = hd_snapshot_new();
	struct hd_stack_options options = {.native = true, .skip_forks = true};
	hd_watcher_sketch(w, model, sketch);
	uint8_t *want = HD_NEW_N(sketch->arena, (size_t)sketch->n_threads + 1, uint8_t);
	(void)hd_candidates(sketch, want);
	bool is_done = hd_watcher_prepare(w, sketch, want, &options);
	hd_snapshot_free(sketch);
	return is_done;
}
