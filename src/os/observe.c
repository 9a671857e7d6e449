/* --follow observe: nobody is traced; the tree is known by looking at parents in /proc.  hangdog is the subreaper of what
 * it launched, so that orphans stay in sight; their births are learnt late or, of the short-lived, never. */
#include <errno.h>
#include <string.h>

#include "hangdog/clock.h"
#include "hangdog/num.h"
#include "hangdog/procfs.h"
#include "os/procfile.h"
#include "os/tracer_priv.h"

#define SCAN_NS (50 * HD_NS_PER_MS)
enum {
	SCAN_SHARE = 20, /* a scan may cost one part in so many of our time */
	STRAYS_SHARE = 200,
	PASSES_MAX = 4,  /* a pid may be smaller than its parent's */
};

static struct observed *find(const struct hd_tracer *t, int32_t pid)
{
	return hd_table_find(&t->observed, (uint32_t)pid);
}

static bool is_helper(const struct hd_tracer *t, int32_t pid)
{
	for (size_t i = 0; i < t->helpers.n; i++) {
		if (t->helpers.at[i] == pid)
			return true;
	}
	return false;
}

void hd_tracer_add_helper(struct hd_tracer *t, int32_t pid)
{
	HD_VEC_PUSH(&t->helpers, pid);
}

static void tell_exec(struct hd_tracer *t, struct observed *row, const struct hd_stat *stat)
{
	struct hd_event ev = {.kind = HD_EV_EXEC, .tid = row->pid, .pid = row->pid, .other = row->pid};
	memcpy(ev.comm, stat->name, sizeof(ev.comm) - 1);
	row->start_stack = stat->start_stack;
	hd_tracer_emit(t, &ev);
}

void hd_observe_add(struct hd_tracer *t, int32_t pid, int32_t ppid)
{
	struct hd_stat stat;
	if (hd_procfile_stat(pid, pid, &stat) != 0)
		return;
	const struct observed *parent = find(t, ppid);
	struct observed *row = calloc(1, sizeof(*row));
	if (row == NULL)
		abort();
	row->pid = pid;
	row->start = stat.start;
	row->start_stack = stat.start_stack;
	row->is_seen = true;
	hd_table_add(&t->observed, (uint32_t)pid, row);
	hd_tracer_tell_found(t, pid, ppid);
	if (parent != NULL && parent->start_stack != stat.start_stack)
		tell_exec(t, row, &stat);
}

static void tell_ended(struct hd_tracer *t, struct observed *row, int32_t status)
{
	struct hd_event ev = {.kind = HD_EV_EXIT, .tid = row->pid, .pid = row->pid, .start = row->start, .status = status};
	hd_table_remove(&t->observed, row);
	free(row);
	if (ev.tid == t->root && !t->root_ended) {
		t->root_ended = true;
		t->root_status = status;
	}
	hd_tracer_emit(t, &ev);
}

bool hd_observe_ended(struct hd_tracer *t, int32_t pid, int32_t status)
{
	struct observed *row = find(t, pid);
	if (row != NULL)
		tell_ended(t, row, status);
	return row != NULL;
}

int32_t hd_zombie_status(int32_t pid)
{
	char text[1024];
	int64_t status;
	ssize_t n = hd_procfile_read(text, sizeof(text), "/proc/%d/stat", pid);
	if (n <= 0)
		return 0;
	text[n - (text[n - 1] == '\n')] = '\0';
	const char *last = strrchr(text, ' ');
	return last != NULL && hd_parse_i64(last + 1, &status) == 0 && status == (int32_t)status ? (int32_t)status : 0;
}

static void look_at_known(struct hd_tracer *t, struct observed *row, const struct hd_stat *stat)
{
	row->is_seen = true;
	/* Ours are told when we reap them. */
	if (stat->state == 'Z' && stat->n_threads <= 1 && stat->ppid != getpid()) {
		tell_ended(t, row, hd_zombie_status(row->pid));
		return;
	}
	/* A new place of the stack's top is a new program; a fork keeps it, and so do renamings. */
	if (stat->start_stack != 0 && stat->start_stack != row->start_stack)
		tell_exec(t, row, stat);
}

static int scan_one(void *ctx, int32_t pid)
{
	struct hd_tracer *t = ctx;
	struct hd_stat stat;
	if (hd_procfile_stat(pid, pid, &stat) != 0)
		return 0;
	struct observed *row = find(t, pid);
	if (hd_tracer_find(t, pid) != NULL)
		return 0;
	if (row != NULL && row->start == stat.start) {
		look_at_known(t, row, &stat);
		return 0;
	}
	if (row != NULL)
		tell_ended(t, row, 0); /* another process under the same number */
	bool is_orphan = t->is_parent && stat.ppid == getpid() && !is_helper(t, pid);
	if ((find(t, stat.ppid) != NULL || is_orphan) && stat.state != 'Z')
		hd_observe_add(t, pid, stat.ppid);
	return 0;
}

static void sweep_gone(struct hd_tracer *t)
{
	struct observed *row, *next;
	HD_TABLE_EACH(&t->observed, row, next) {
		if (!row->is_seen)
			tell_ended(t, row, 0);
	}
}

void hd_observe_scan(struct hd_tracer *t, bool now)
{
	int64_t begin = hd_now_ns();
	struct observed *row, *next;
	if (t->observed.n == 0 || (!now && begin < t->next_scan_ns))
		return;
	HD_TABLE_EACH(&t->observed, row, next)
		row->is_seen = false;
	size_t before;
	int r = 0, passes = 0;
	do {
		before = t->observed.n;
		r = hd_procfile_numbers(scan_one, t, "/proc");
	} while (r == 0 && ++passes < PASSES_MAX && t->observed.n > before);
	if (r == 0)
		sweep_gone(t);
	int64_t cost = hd_now_ns() - begin;
	t->next_scan_ns = begin + (cost * SCAN_SHARE > SCAN_NS ? cost * SCAN_SHARE : SCAN_NS);
}

int hd_tracer_observe(struct hd_tracer *t, int32_t pid, struct hd_err *err)
{
	int r = hd_procfs_probe(pid, false, err);
	if (r < 0)
		return r;
	t->is_observing = true;
	if (t->root == 0)
		t->root = pid;
	if (find(t, pid) == NULL)
		hd_observe_add(t, pid, 0);
	hd_observe_scan(t, true);
	return 0;
}

void hd_observe_adopt(struct hd_tracer *t, int32_t pid)
{
	struct hd_stat stat;
	t->is_observing = true;
	if (find(t, pid) == NULL && hd_procfile_stat(pid, pid, &stat) == 0 && stat.state != 'Z')
		hd_observe_add(t, pid, stat.ppid);
}

/* Children of tracees that the kernel did not give to us: clone(CLONE_UNTRACED).  A newborn that has merely not been
 * told yet is ours by its TracerPid. */
static int look_for_stray(void *ctx, int32_t pid)
{
	struct hd_tracer *t = ctx;
	struct hd_stat stat;
	struct hd_task_status status;
	if (hd_tracer_find(t, pid) != NULL || find(t, pid) != NULL || hd_procfile_stat(pid, pid, &stat) != 0 ||
	    hd_tracer_find(t, stat.ppid) == NULL)
		return 0;
	if (hd_procfile_status(pid, pid, &status) == 0 && status.tracer != getpid() && stat.state != 'Z')
		hd_observe_adopt(t, pid);
	return 0;
}

void hd_observe_strays(struct hd_tracer *t, bool now)
{
	int64_t begin = hd_now_ns();
	if (t->by_tid.n == 0 || (!now && begin < t->next_strays_ns))
		return;
	int r = hd_procfile_numbers(look_for_stray, t, "/proc");
	int64_t cost = hd_now_ns() - begin;
	t->next_strays_ns = begin + (r != 0 || cost * STRAYS_SHARE < HD_NS_PER_S ? HD_NS_PER_S : cost * STRAYS_SHARE);
}

void hd_observe_release(struct hd_tracer *t)
{
	hd_table_free_rows(&t->observed);
	HD_VEC_RELEASE(&t->helpers);
}
