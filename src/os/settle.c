/* A dump lists first and reads stacks afterwards: threads and whole processes end between the two, and others are born. */
#include <string.h>

#include "hangdog/capture.h"
#include "hangdog/gather.h"
#include "os/procfile.h"

static bool has_ended(const struct hd_proc *proc, const struct hd_thread *thread)
{
	struct hd_stat stat;
	if (hd_procfile_stat(proc->pid, thread->tid, &stat) < 0 || stat.start != thread->start)
		return true;
	/* A leader that ended before its threads stays until they end. */
	return thread->tid != proc->pid && (stat.state == 'Z' || stat.state == 'X');
}

static bool stays(const struct hd_proc *proc, const struct hd_thread *thread, const struct hd_capture *capture)
{
	const struct hd_captured *row = capture != NULL ? hd_capture_find(capture, thread->tid) : NULL;
	return row == NULL || row->how != HD_HOW_UNKNOWN || !has_ended(proc, thread);
}

static struct hd_thread born(struct hd_snapshot *snap, const struct hd_proc *proc, int32_t tid)
{
	struct hd_thread thread = {.tid = tid, .ns_tid = tid, .nr = -1, .timeout_ns = -1, .name = proc->comm};
	struct hd_stat stat;
	if (hd_procfile_stat(proc->pid, tid, &stat) == 0) {
		thread.start = stat.start;
		thread.state = stat.state;
		thread.name = hd_arena_str(snap->arena, stat.name);
	}
	return thread;
}

/* A process' threads as they are known by now, appended to `to`. */
static uint32_t settle_proc(struct hd_snapshot *snap, const struct hd_proc *proc, const struct hd_capture *capture, struct hd_thread *to)
{
	uint32_t n = 0, n_rows = 0;
	const struct hd_captured *rows = capture != NULL ? hd_capture_born(capture, &n_rows) : NULL;
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		if (stays(proc, &snap->threads[t], capture))
			to[n++] = snap->threads[t];
	}
	for (uint32_t i = 0; rows != NULL && i < n_rows; i++)
		to[n++] = born(snap, proc, rows[i].tid);
	return n;
}

static size_t room(const struct hd_snapshot *snap, struct hd_capture *const *captures)
{
	size_t n = snap->n_threads;
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		uint32_t rows = 0;
		if (captures != NULL && captures[p] != NULL)
			(void)hd_capture_born(captures[p], &rows);
		n += rows;
	}
	return n;
}

static void link_parents(struct hd_snapshot *snap, const uint32_t *moved)
{
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		uint32_t parent = snap->procs[p].parent;
		snap->procs[p].parent = parent != HD_NONE ? moved[parent] : HD_NONE;
	}
}

bool hd_snapshot_settle(struct hd_snapshot *snap, struct hd_capture **captures)
{
	struct hd_thread *threads = HD_NEW_N(snap->arena, room(snap, captures) + 1, struct hd_thread);
	uint32_t *moved = HD_NEW_N(snap->arena, (size_t)snap->n_procs + 1, uint32_t);
	uint32_t n_procs = 0, n_threads = 0;
	bool is_same = true;
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		struct hd_proc proc = snap->procs[p];
		struct hd_capture *capture = captures != NULL ? captures[p] : NULL;
		uint32_t n = settle_proc(snap, &proc, capture, threads + n_threads);
		is_same = is_same && n == proc.n_threads && n > 0;
		moved[p] = n > 0 ? n_procs : HD_NONE;
		if (n == 0) {
			hd_capture_free(capture);
			continue;
		}
		for (uint32_t t = n_threads; t < n_threads + n; t++)
			threads[t].proc = n_procs;
		proc.first_thread = n_threads;
		proc.n_threads = n;
		n_threads += n;
		snap->procs[n_procs] = proc;
		if (captures != NULL)
			captures[n_procs] = capture;
		n_procs++;
	}
	snap->threads = threads;
	snap->n_threads = n_threads;
	snap->n_procs = n_procs;
	link_parents(snap, moved);
	return !is_same;
}
