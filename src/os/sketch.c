/* Rows of the tree before any fact was gathered: as the looks know it, or (for a dump) as /proc lists it now. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "os/draft.h"
#include "hangdog/capture.h"
#include "hangdog/clock.h"
#include "os/procfile.h"

static int by_pid_tid(const void *a, const void *b)
{
	const struct hd_sighting *x = *(struct hd_sighting *const *)a, *y = *(struct hd_sighting *const *)b;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

static int by_model_pid(const void *a, const void *b)
{
	const struct hd_model_proc *x = *(const struct hd_model_proc *const *)a, *y = *(const struct hd_model_proc *const *)b;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static void sketch_thread(const struct hd_sighting *seen, uint32_t p, int64_t now_ns, struct hd_arena *arena, struct hd_thread *ret)
{
	*ret = (struct hd_thread){.tid = seen->tid, .ns_tid = seen->tid, .start = seen->start, .proc = p, .name = "", .state = 'R',
				  .nr = -1, .timeout_ns = -1, .objects_complete = false, .cpu_ns = seen->run_ns};
	if (!seen->has_line)
		return;
	/* So a leader shows that called pthread_exit while its process lives on ("-1 0x0 0x0"). */
	if (seen->line.form == HD_SYSCALL_OUTSIDE && seen->line.sp == 0 && seen->line.pc == 0) {
		ret->state = 'Z';
		return;
	}
	ret->state = 'S';
	ret->is_still = true;
	ret->blocked_ns = now_ns - seen->since_ns;
	ret->sp = seen->line.sp;
	ret->pc = seen->line.pc;
	ret->call_known = seen->line.form == HD_SYSCALL_NUMERIC;
	if (!ret->call_known)
		return;
	ret->nr = seen->nr;
	ret->abi = seen->abi;
	ret->was_restart = seen->was_restart;
	memcpy(ret->args, seen->line.args, sizeof(ret->args));
	struct hd_call call = hd_call_decode(ret->abi, ret->nr, ret->args, ret->was_restart);
	bool by_pointer = call.timeout_arg >= 0 && ret->args[call.timeout_arg] != 0;
	ret->has_timeout = by_pointer || !call.is_unbounded ? HD_YES : HD_NO;
	if (call.need != HD_NEED_FUTEX || call.futex_addr == 0)
		return;
	ret->words = HD_NEW(arena, struct hd_word);
	ret->n_words = 1;
	ret->words[0] = (struct hd_word){.addr = call.futex_addr, .expected = call.futex_expected,
					 .op_private = call.futex_private, .sharers_object = HD_NONE};
}

static void sketch_proc(const struct hd_model_proc *known, uint32_t p, struct hd_proc *ret)
{
	*ret = (struct hd_proc){.pid = known->pid, .ppid = known->ppid, .ns_pid = known->pid, .start = known->start, .comm = "",
				.state = 'S', .in_tree = true, .parent = HD_NONE, .mm = p, .has_exec = known->has_exec};
}

/* The model's processes by pid; more than the cap are left out, and said to be. */
static const struct hd_model_proc **sorted_procs(const struct hd_model *model, struct hd_snapshot *snap, uint32_t *ret_n)
{
	size_t n = hd_model_count(model);
	if (n > HD_PROCS_MAX) {
		snap->truncated = true;
		snap->truncated_why = "more processes than hangdog looks at";
		n = HD_PROCS_MAX;
	}
	const struct hd_model_proc **procs = HD_NEW_N(snap->arena, n + 1, const struct hd_model_proc *);
	for (size_t i = 0; i < n; i++)
		procs[i] = hd_model_at(model, i);
	qsort(procs, n, sizeof(*procs), by_model_pid);
	*ret_n = (uint32_t)n;
	return procs;
}

static struct hd_sighting **sorted_threads(const struct hd_watcher *w, struct hd_snapshot *snap, uint32_t *ret_n)
{
	size_t n = w->seen.by_tid.n, i = 0;
	struct hd_sighting **rows = HD_NEW_N(snap->arena, n + 1, struct hd_sighting *);
	for (struct hd_sighting *t = hd_table_first(&w->seen.by_tid); t != NULL; t = hd_table_after(t))
		rows[i++] = t;
	qsort(rows, n, sizeof(struct hd_sighting *), by_pid_tid);
	if (n >= HD_THREADS_MAX) {
		snap->truncated = true;
		snap->truncated_why = "more threads than hangdog looks at";
		n = HD_THREADS_MAX;
	}
	*ret_n = (uint32_t)n;
	return rows;
}

static void link_parents(struct hd_snapshot *snap, const struct hd_model_proc **known)
{
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		struct hd_model_proc key = {.pid = snap->procs[p].ppid};
		const struct hd_model_proc *want = &key, *const *found;
		found = bsearch(&want, known, snap->n_procs, sizeof(*known), by_model_pid);
		snap->procs[p].parent = found != NULL ? (uint32_t)(found - (const struct hd_model_proc *const *)known) : HD_NONE;
	}
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		uint32_t parent = snap->procs[p].parent;
		if (known[p]->shares_mm && parent != HD_NONE)
			snap->procs[p].mm = snap->procs[parent].mm;
	}
}

void hd_watcher_sketch(struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot *snap)
{
	uint32_t n_rows, i = 0;
	int64_t now_ns = hd_now_ns();
	bool known_python;
	const struct hd_model_proc **known = sorted_procs(model, snap, &snap->n_procs);
	struct hd_sighting **rows = sorted_threads(w, snap, &n_rows);
	snap->procs = HD_NEW_N(snap->arena, (size_t)snap->n_procs + 1, struct hd_proc);
	snap->threads = HD_NEW_N(snap->arena, (size_t)n_rows + 1, struct hd_thread);
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		struct hd_proc *proc = &snap->procs[p];
		sketch_proc(known[p], p, proc);
		while (i < n_rows && rows[i]->pid < proc->pid)
			i++;
		proc->first_thread = snap->n_threads;
		for (; i < n_rows && rows[i]->pid == proc->pid; i++)
			sketch_thread(rows[i], p, now_ns, snap->arena, &snap->threads[snap->n_threads++]);
		proc->n_threads = snap->n_threads - proc->first_thread;
		const struct hd_python *py = hd_interps_known(&w->interps, proc->pid, proc->start, &known_python);
		proc->python = py != NULL ? hd_arena_str(snap->arena, hd_python_version(py)) : NULL;
		proc->threads_complete = proc->children_complete = true;
	}
	link_parents(snap, known);
}

/* Attached to: the command is what the root says of itself. */
void hd_watcher_command(struct hd_snapshot *snap)
{
	uint32_t root = hd_snapshot_proc(snap, snap->root);
	if (snap->command[0] == NULL && root != HD_NONE && snap->procs[root].argv != NULL)
		snap->command = snap->procs[root].argv;
}

/* ---- for a dump: who is there ---------------------------------------------------------------------------------------- */

struct listing {
	HD_VEC(int32_t) tids;
	struct hd_capture *capture;
};

static int list_add(void *ctx, int32_t tid)
{
	struct listing *l = ctx;
	HD_VEC_PUSH(&l->tids, tid);
	return 0;
}

static int by_tid(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return (x > y) - (x < y);
}

static void list_thread(struct hd_snapshot *snap, uint32_t p, const struct hd_captured *row)
{
	struct hd_thread *thread = &snap->threads[snap->n_threads];
	*thread = (struct hd_thread){.tid = row->tid, .ns_tid = row->tid, .start = row->start, .proc = p, .state = row->state, .nr = -1,
				     .timeout_ns = -1, .name = hd_arena_str(snap->arena, row->name)};
	snap->n_threads++;
	struct hd_proc *proc = &snap->procs[p];
	proc->n_threads++;
	if (row->tid != proc->pid)
		return;
	proc->state = row->state;
	proc->ppid = row->ppid;
	proc->comm = thread->name;
}

/* In another PID namespace threads know themselves by other numbers. */
static void list_ns_tids(struct hd_snapshot *snap, struct hd_proc *proc)
{
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		struct hd_task_status status;
		struct hd_thread *thread = &snap->threads[t];
		if (hd_procfile_status(proc->pid, thread->tid, &status) == 0 && status.ns_tid != 0)
			thread->ns_tid = status.ns_tid;
		if (thread->tid == proc->pid)
			proc->ns_pid = thread->ns_tid;
	}
}

/* Its names are read through a living thread: the files of a dead leader are empty. */
static int32_t living_thread(const struct hd_snapshot *snap, const struct hd_proc *proc)
{
	if (proc->state != 'Z' && proc->state != 'X')
		return proc->pid;
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		if (snap->threads[t].state != 'Z' && snap->threads[t].state != 'X')
			return snap->threads[t].tid;
	}
	return proc->pid;
}

static void list_proc(struct hd_snapshot *snap, uint32_t p, struct listing *l, bool reads_stacks)
{
	struct hd_proc *proc = &snap->procs[p];
	proc->first_thread = snap->n_threads;
	if (hd_capture_of(proc->pid, l->tids.at, (uint32_t)l->tids.n, reads_stacks, &l->capture) < 0)
		return;
	for (uint32_t i = 0; i < l->tids.n; i++) {
		const struct hd_captured *row = hd_capture_find(l->capture, l->tids.at[i]);
		if (row != NULL && row->state != '\0') /* else gone since it was listed */
			list_thread(snap, p, row);
	}
}

/* The threads of all processes, process after process: where each one's list begins. */
static int list_tids(const struct hd_snapshot *snap, struct listing *lists)
{
	size_t left = HD_THREADS_MAX - 1;
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		struct listing *l = &lists[p];
		int r = hd_procfile_numbers(list_add, l, "/proc/%d/task", snap->procs[p].pid);
		if (r < 0 && r != -ESRCH)
			return r;
		l->tids.n = l->tids.n < left ? l->tids.n : left;
		left -= l->tids.n;
		if (l->tids.n > 0)
			qsort(l->tids.at, l->tids.n, sizeof(*l->tids.at), by_tid);
	}
	return 0;
}

static void list_all(const struct hd_model *model, struct hd_snapshot *snap, const struct hd_model_proc **known,
		     struct listing *lists, bool reads_stacks)
{
	uint64_t own_pid_ns = hd_pid_namespace(getpid());
	size_t n = 0;
	for (uint32_t p = 0; p < snap->n_procs; p++)
		n += lists[p].tids.n;
	snap->threads = HD_NEW_N(snap->arena, n + 1, struct hd_thread);
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		struct hd_proc *proc = &snap->procs[p];
		list_proc(snap, p, &lists[p], reads_stacks);
		hd_proc_names(model, proc, living_thread(snap, proc), snap->arena);
		if (proc->pid_ns != own_pid_ns)
			list_ns_tids(snap, proc);
	}
	link_parents(snap, known);
}

int hd_watcher_list(struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot **ret, struct hd_capture ***ret_captures,
		    struct hd_err *err)
{
	struct hd_snapshot *snap = hd_snapshot_new();
	const struct hd_model_proc **known = sorted_procs(model, snap, &snap->n_procs);
	struct listing *lists = HD_NEW_N(snap->arena, (size_t)snap->n_procs + 1, struct listing);
	struct hd_capture **captures = HD_NEW_N(snap->arena, (size_t)snap->n_procs + 1, struct hd_capture *);
	hd_watcher_header(w, model, snap);
	snap->procs = HD_NEW_N(snap->arena, (size_t)snap->n_procs + 1, struct hd_proc);
	for (uint32_t p = 0; p < snap->n_procs; p++)
		sketch_proc(known[p], p, &snap->procs[p]);
	int r = list_tids(snap, lists);
	if (r == 0)
		list_all(model, snap, known, lists, ret_captures != NULL);
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		HD_VEC_RELEASE(&lists[p].tids);
		captures[p] = lists[p].capture;
		if (ret_captures == NULL)
			hd_capture_free(captures[p]);
	}
	if (r < 0) {
		hd_snapshot_free(snap);
		return hd_err_set(err, -r, "the processes of the tree cannot be read: %s", strerror(-r));
	}
	hd_watcher_command(snap);
	*ret = snap;
	if (ret_captures != NULL)
		*ret_captures = captures;
	return 0;
}
