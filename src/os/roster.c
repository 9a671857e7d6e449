/* Every process of the system, and which of them share memory (reference, ptrace.md sections 1.7 and 3.2, P3). */
#include <errno.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/syscall.h>

#include "os/draft.h"
#include "os/procfile.h"

static int add_row(void *ctx, int32_t pid)
{
	struct hd_roster *roster = ctx;
	struct hd_stat stat;
	if (hd_procfile_stat(pid, pid, &stat) < 0 || (stat.flags & HD_STAT_KTHREAD) != 0)
		return 0;
	struct hd_roster_row row = {.pid = pid, .ppid = stat.ppid, .start = stat.start, .start_stack = stat.start_stack,
				    .vsize = stat.vsize, .rss = stat.rss, .n_threads = stat.n_threads, .state = stat.state,
				    .proc = HD_NONE};
	memccpy(row.name, stat.name, '\0', sizeof(row.name) - 1);
	HD_VEC_PUSH(roster, row);
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct hd_roster_row *x = a, *y = b;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

int hd_roster_read(struct hd_roster *roster, const struct hd_snapshot *snap)
{
	HD_VEC_CLEAR(roster);
	int r = hd_procfile_numbers(add_row, roster, "/proc");
	if (r < 0)
		return r;
	if (roster->n > 0)
		qsort(roster->at, roster->n, sizeof(*roster->at), by_pid);
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		struct hd_roster_row *row = hd_roster_find(roster, snap->procs[p].pid);
		if (row != NULL)
			row->proc = p;
	}
	return 0;
}

void hd_roster_release(struct hd_roster *roster)
{
	HD_VEC_RELEASE(roster);
}

struct hd_roster_row *hd_roster_find(const struct hd_roster *roster, int32_t pid)
{
	struct hd_roster_row key = {.pid = pid};
	return roster->n > 0 ? bsearch(&key, roster->at, roster->n, sizeof(key), by_pid) : NULL;
}

bool hd_roster_hides(const struct hd_roster *roster, uint64_t own_pid_ns)
{
	const uint64_t init_ns = 0xEFFFFFFC; /* include/linux/proc_ns.h PROC_PID_INIT_INO */
	return own_pid_ns != init_ns || hd_roster_find(roster, 1) == NULL;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Sharing one mm makes the size of the address space and of what is resident equal; read a, b, a: if both readings of a
 * agree and b differs, they are two.  Serves where kcmp is not permitted (containers) or not built in. */
static enum hd_tri same_by_size(int32_t a, int32_t b)
{
	struct hd_stat before, other, after;
	if (hd_procfile_stat(a, a, &before) < 0 || hd_procfile_stat(b, b, &other) < 0 || hd_procfile_stat(a, a, &after) < 0)
		return HD_UNKNOWN;
	if (before.vsize != after.vsize || before.rss != after.rss)
		return HD_UNKNOWN;
	return other.vsize != after.vsize || other.rss != after.rss ? HD_NO : HD_UNKNOWN;
}

static enum hd_tri same_memory(int32_t a, int32_t b)
{
	long r = syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);
	if (r >= 0)
		return r == 0 ? HD_YES : HD_NO;
	return same_by_size(a, b);
}

/* Could b share the memory of a?  The initial stack pointer belongs to the memory; it reads 0 without permission, then
 * the size of the address space speaks. */
static bool is_plausible(const struct hd_roster_row *a, const struct hd_roster_row *b)
{
	if (b->state == 'X' || (b->state == 'Z' && b->n_threads <= 1))
		return false;
	if (a->start_stack != 0 && b->start_stack != 0)
		return a->start_stack == b->start_stack;
	return a->vsize == b->vsize;
}

/* In the tree what was seen at the birth decides where the kernel will not say. */
static enum hd_tri same_in_tree(struct hd_draft *d, uint32_t p, uint32_t q)
{
	enum hd_tri same = same_memory(d->procs[p].via, d->procs[q].via);
	if (same != HD_UNKNOWN)
		return same;
	bool parent = d->snap->procs[p].parent == q, child = d->snap->procs[q].parent == p;
	if ((parent && d->procs[p].model_shares_mm) || (child && d->procs[q].model_shares_mm))
		return HD_YES;
	return d->snap->procs[p].fork != NULL || d->snap->procs[q].fork != NULL ? HD_NO : HD_UNKNOWN;
}

static void compare_with(struct hd_draft *d, const struct hd_roster_row *self, const struct hd_roster_row *other)
{
	struct hd_proc *proc = &d->snap->procs[self->proc];
	enum hd_tri same;
	if (other->proc == HD_NONE) {
		same = same_memory(d->procs[self->proc].via, other->pid);
		if (same == HD_YES || (same == HD_UNKNOWN && proc->mm_shared_outside == HD_NO))
			proc->mm_shared_outside = same;
		return;
	}
	same = same_in_tree(d, self->proc, other->proc);
	if (same == HD_YES) {
		uint32_t low = proc->mm < d->snap->procs[other->proc].mm ? proc->mm : d->snap->procs[other->proc].mm;
		proc->mm = d->snap->procs[other->proc].mm = low;
	} else if (same == HD_UNKNOWN && proc->mm_shared_outside == HD_NO) {
		proc->mm_shared_outside = HD_UNKNOWN;
	}
}

void hd_draft_memories(struct hd_draft *d)
{
	for (size_t i = 0; i < d->roster.n; i++) {
		const struct hd_roster_row *self = &d->roster.at[i];
		if (self->proc == HD_NONE || !d->procs[self->proc].is_wanted)
			continue;
		d->snap->procs[self->proc].mm_shared_outside = HD_NO;
		for (size_t k = 0; k < d->roster.n; k++) {
			if (k != i && is_plausible(self, &d->roster.at[k]))
				compare_with(d, self, &d->roster.at[k]);
		}
	}
}

/* ---- children ---------------------------------------------------------------------------------------------------- */

/* A dead child that was told to its parent already wakes nobody; one that its tracer has yet to collect will. */
static bool is_settled_zombie(const struct hd_roster_row *row)
{
	struct hd_task_status status;
	return row->state == 'Z' && row->n_threads <= 1 && hd_procfile_status(row->pid, row->pid, &status) == 0 && status.tracer == 0;
}

/* wait4 also returns for what its caller traces. */
static void add_tracees(struct hd_draft *d, const struct hd_roster_row *row)
{
	struct hd_task_status status;
	if (row->proc != HD_NONE || hd_procfile_status(row->pid, row->pid, &status) < 0 || status.tracer == 0)
		return;
	for (uint32_t t = 0; t < d->snap->n_threads; t++) {
		if (d->snap->threads[t].tid == status.tracer)
			d->snap->procs[d->snap->threads[t].proc].children_complete = false;
	}
}

void hd_draft_children(struct hd_draft *d, const struct hd_roster *later)
{
	for (uint32_t p = 0; p < d->snap->n_procs; p++)
		d->snap->procs[p].children_complete = hd_roster_find(&d->roster, d->snap->procs[p].pid) != NULL &&
						      hd_roster_find(later, 1) != NULL; /* not under hidepid */
	for (size_t i = 0; i < later->n; i++) {
		const struct hd_roster_row *row = &later->at[i], *parent = hd_roster_find(later, row->ppid);
		const struct hd_roster_row *before = hd_roster_find(&d->roster, row->pid);
		add_tracees(d, row);
		if (parent == NULL || parent->proc == HD_NONE)
			continue;
		bool unchanged = before != NULL && before->start == row->start && before->ppid == row->ppid;
		if ((row->proc == HD_NONE && !is_settled_zombie(row)) || (row->proc != HD_NONE && !unchanged))
			d->snap->procs[parent->proc].children_complete = false;
	}
}
