/* From snapshots to the lines of the list: the tree in order, folded, filtered, with the selection kept. */
#include <inttypes.h>
#include <string.h>

#include "view_priv.h"

#define DEPTH_MAX 60u

const struct hd_thread *hd_view_thread(const struct hd_view *view, const struct hd_view_row *row)
{
	return row == NULL || row->thread == HD_NONE ? NULL : &view->model.trees[row->tree].snap->threads[row->thread];
}

const struct hd_proc *hd_view_proc(const struct hd_view *view, const struct hd_view_row *row)
{
	return row == NULL || row->proc == HD_NONE ? NULL : &view->model.trees[row->tree].snap->procs[row->proc];
}

struct hd_view_id hd_view_row_id(const struct hd_view *view, const struct hd_view_row *row)
{
	const struct hd_thread *thread = hd_view_thread(view, row);
	const struct hd_proc *proc = hd_view_proc(view, row);
	if (row->is_proc && proc != NULL)
		return (struct hd_view_id){proc->pid, proc->start};
	if (thread != NULL)
		return (struct hd_view_id){thread->tid, thread->start};
	return (struct hd_view_id){-view->model.trees[row->tree].snap->root, 0};
}

const struct hd_view_row *hd_view_row_selected(const struct hd_view *view)
{
	return view->at < view->rows.n ? &view->rows.at[view->at] : NULL;
}

static bool same_id(struct hd_view_id a, struct hd_view_id b)
{
	return a.tid == b.tid && a.start == b.start;
}

static size_t find_folded(const struct hd_view *view, struct hd_view_id id)
{
	size_t i = 0;
	while (i < view->folded.n && !same_id(view->folded.at[i], id))
		i++;
	return i;
}

void hd_view_fold(struct hd_view *view, bool fold)
{
	const struct hd_view_row *row = hd_view_row_selected(view);
	if (row == NULL || !row->has_below || row->is_folded == fold)
		return;
	struct hd_view_id id = hd_view_row_id(view, row);
	size_t i = find_folded(view, id);
	if (fold)
		HD_VEC_PUSH(&view->folded, id);
	else if (i < view->folded.n)
		view->folded.at[i] = view->folded.at[--view->folded.n];
	hd_view_rows_build(view);
}

/* ---- the words of a row --------------------------------------------------------------------------------------------- */

static void lower(struct hd_buf *buf)
{
	for (size_t i = 0; i < buf->len; i++) {
		if (buf->text[i] >= 'A' && buf->text[i] <= 'Z')
			buf->text[i] = (char)(buf->text[i] + ('a' - 'A'));
	}
}

void hd_view_row_words(const struct hd_view *view, const struct hd_view_row *row, struct hd_buf *out)
{
	enum hd_tint tint;
	const struct hd_view_tree *tree = &view->model.trees[row->tree];
	const struct hd_thread *thread = hd_view_thread(view, row);
	hd_buf_printf(out, "%" PRId32 " %s ", hd_view_row_id(view, row).tid, hd_view_badge(tree, row->proc, row->thread, &tint));
	hd_view_name(tree, row, out);
	if (thread != NULL) {
		hd_buf_printf(out, " %s ", thread->name != NULL ? thread->name : "");
		hd_view_wait(tree->snap, tree->verdict, row->thread, out);
	}
	lower(out);
}

bool hd_view_row_matches(const struct hd_view *view, const struct hd_view_row *row, const struct hd_buf *what)
{
	struct hd_buf words HD_CLEAN_BUF = {0}, wanted HD_CLEAN_BUF = {0};
	hd_view_row_words(view, row, &words);
	hd_buf_str(&wanted, hd_buf_text(what));
	lower(&wanted);
	return strstr(hd_buf_text(&words), hd_buf_text(&wanted)) != NULL;
}

/* ---- the tree ------------------------------------------------------------------------------------------------------- */

struct todo {
	uint32_t proc, depth;
	bool is_hidden; /* below a folded one */
};

/* Children of each process as linked indexes: first[p], then next[child]. */
struct kin {
	const struct hd_view_tree *tree;
	uint32_t index, depth;
	uint32_t *first, *next;
	uint8_t *is_done;
	HD_VEC(struct todo) todo; /* a stack */
};

static uint32_t leader_of(const struct hd_snapshot *snap, uint32_t p)
{
	const struct hd_proc *proc = &snap->procs[p];
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		if (snap->threads[t].tid == proc->pid)
			return t;
	}
	return HD_NONE;
}

static void push_row(struct hd_view *view, const struct hd_view_row *row)
{
	HD_VEC_PUSH(&view->rows, *row);
}

static void push_children(struct kin *kin, uint32_t p, uint32_t depth, bool is_hidden)
{
	for (uint32_t c = kin->first[p]; c != HD_NONE; c = kin->next[c])
		HD_VEC_PUSH(&kin->todo, (struct todo){c, depth, is_hidden});
}

/* A process, its other threads, and (on the stack, the first on top) its children. */
static void add_proc(struct hd_view *view, struct kin *kin, uint32_t p, uint32_t depth)
{
	const struct hd_snapshot *snap = kin->tree->snap;
	const struct hd_proc *proc = &snap->procs[p];
	uint32_t leader = leader_of(snap, p), n_others = proc->n_threads - (leader != HD_NONE);
	struct hd_view_row row = {.tree = kin->index, .proc = p, .thread = leader, .depth = depth, .is_proc = true};
	row.has_below = (view->shows_threads && n_others > 0) || kin->first[p] != HD_NONE;
	row.is_folded = view->filter.len == 0 && row.has_below && find_folded(view, (struct hd_view_id){proc->pid, proc->start}) < view->folded.n;
	push_row(view, &row);
	if (depth < DEPTH_MAX)
		depth++;
	for (uint32_t t = proc->first_thread; view->shows_threads && !row.is_folded && t < proc->first_thread + proc->n_threads; t++) {
		if (t != leader)
			push_row(view, &(struct hd_view_row){.tree = kin->index, .proc = p, .thread = t, .depth = depth});
	}
	push_children(kin, p, depth, row.is_folded);
}

static void add_from(struct hd_view *view, struct kin *kin, uint32_t root)
{
	HD_VEC_PUSH(&kin->todo, (struct todo){root, kin->depth, false});
	while (kin->todo.n > 0) {
		struct todo next = kin->todo.at[--kin->todo.n];
		if (kin->is_done[next.proc])
			continue;
		kin->is_done[next.proc] = 1;
		if (next.is_hidden)
			push_children(kin, next.proc, next.depth, true);
		else
			add_proc(view, kin, next.proc, next.depth);
	}
}

static void kin_init(struct kin *kin)
{
	const struct hd_snapshot *snap = kin->tree->snap;
	size_t n = (size_t)snap->n_procs + 1;
	kin->first = malloc(n * sizeof(*kin->first));
	kin->next = malloc(n * sizeof(*kin->next));
	kin->is_done = calloc(n, 1);
	if (kin->first == NULL || kin->next == NULL || kin->is_done == NULL)
		abort();
	memset(kin->first, 0xff, n * sizeof(*kin->first)); /* HD_NONE */
	/* Forwards, so that each list is backwards and the stack turns it around. */
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		const struct hd_proc *proc = &snap->procs[p];
		kin->is_done[p] = !proc->in_tree;
		kin->next[p] = HD_NONE;
		if (!proc->in_tree || proc->parent == HD_NONE || proc->parent == p)
			continue;
		kin->next[p] = kin->first[proc->parent];
		kin->first[proc->parent] = p;
	}
}

static bool is_root(const struct hd_snapshot *snap, uint32_t p)
{
	uint32_t parent = snap->procs[p].parent;
	return parent == HD_NONE || parent == p || !snap->procs[parent].in_tree;
}

static void add_tree(struct hd_view *view, uint32_t index)
{
	struct kin kin = {.tree = &view->model.trees[index], .index = index, .depth = view->model.n_trees > 1};
	const struct hd_snapshot *snap = kin.tree->snap;
	if (view->model.n_trees > 1)
		push_row(view, &(struct hd_view_row){.tree = index, .proc = HD_NONE, .thread = HD_NONE});
	kin_init(&kin);
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		if (!kin.is_done[p] && is_root(snap, p))
			add_from(view, &kin, p);
	}
	/* A recording may say that two are each other's parents: shown all the same. */
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		if (!kin.is_done[p])
			add_from(view, &kin, p);
	}
	free(kin.first);
	free(kin.next);
	free(kin.is_done);
	HD_VEC_RELEASE(&kin.todo);
}

/* ---- the list, worst first ---------------------------------------------------------------------------------------------- */

struct ranked {
	struct hd_view_row row;
	unsigned rank;
	int64_t blocked_ns;
	int32_t tid;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	if (x->blocked_ns != y->blocked_ns)
		return x->blocked_ns > y->blocked_ns ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

static struct ranked rank_of(const struct hd_view_tree *tree, uint32_t index, uint32_t t)
{
	const struct hd_thread *thread = &tree->snap->threads[t];
	const struct hd_thread_verdict *tv = &tree->verdict->threads[t];
	struct ranked r = {.blocked_ns = thread->blocked_ns, .tid = thread->tid};
	r.rank = tv->is_culprit ? 3 : tv->certainty != HD_CERT_NONE ? 2 : tv->is_starved;
	r.row = (struct hd_view_row){.tree = index, .proc = thread->proc, .thread = t};
	r.row.is_proc = thread->tid == tree->snap->procs[thread->proc].pid;
	return r;
}

static void add_list(struct hd_view *view)
{
	HD_VEC(struct ranked) all = {0};
	for (uint32_t i = 0; i < view->model.n_trees; i++) {
		const struct hd_view_tree *tree = &view->model.trees[i];
		for (uint32_t t = 0; t < tree->snap->n_threads; t++) {
			struct ranked r = rank_of(tree, i, t);
			if (tree->snap->procs[r.row.proc].in_tree && (r.row.is_proc || view->shows_threads))
				HD_VEC_PUSH(&all, r);
		}
	}
	if (all.n > 1)
		qsort(all.at, all.n, sizeof(*all.at), by_rank);
	for (size_t i = 0; i < all.n; i++)
		push_row(view, &all.at[i].row);
	HD_VEC_RELEASE(&all);
}

/* ---- filter, lines, selection --------------------------------------------------------------------------------------------- */

/* Rows that match, and those above them in the tree. */
static void filter_rows(struct hd_view *view)
{
	size_t out = view->rows.n;
	uint32_t wanted = 0; /* a row of less depth than this is an ancestor of one that is shown */
	for (size_t i = view->rows.n; i-- > 0;) {
		const struct hd_view_row *row = &view->rows.at[i];
		if (row->depth >= wanted && !hd_view_row_matches(view, row, &view->filter))
			continue;
		wanted = row->depth;
		view->rows.at[--out] = *row;
	}
	memmove(view->rows.at, view->rows.at + out, (view->rows.n - out) * sizeof(*view->rows.at));
	view->rows.n -= out;
}

static void draw_lines(struct hd_view *view)
{
	uint64_t more = 0; /* bit d: a row of depth d follows before any of less depth */
	for (size_t i = view->rows.n; i-- > 0;) {
		struct hd_view_row *row = &view->rows.at[i];
		uint64_t own = UINT64_C(1) << row->depth;
		row->is_last = (more & own) == 0;
		row->bars = more & (own - 1);
		more = (more & (own - 1)) | own;
	}
}

/* The first time: what the verdict is about. */
static struct hd_view_id first_choice(const struct hd_view *view)
{
	for (uint32_t i = 0; i < view->model.n_trees; i++) {
		const struct hd_view_tree *tree = &view->model.trees[i];
		if (tree->verdict->lead != HD_NONE) {
			const struct hd_thread *lead = &tree->snap->threads[tree->verdict->lead];
			return (struct hd_view_id){lead->tid, lead->start};
		}
	}
	return (struct hd_view_id){0};
}

void hd_view_select(struct hd_view *view, size_t at)
{
	struct hd_view_id before = view->selected;
	if (at >= view->rows.n)
		at = view->rows.n > 0 ? view->rows.n - 1 : 0;
	view->at = at;
	if (view->rows.n > 0)
		view->selected = hd_view_row_id(view, &view->rows.at[at]);
	if (same_id(before, view->selected))
		return;
	view->pane_top = 0;
	view->pane_is_current = false;
	if (view->wish.want == HD_VIEW_NOTHING)
		view->wish.want = HD_VIEW_SHOWN;
}

void hd_view_rows_build(struct hd_view *view)
{
	HD_VEC_CLEAR(&view->rows);
	if (view->is_tree) {
		for (uint32_t i = 0; i < view->model.n_trees; i++)
			add_tree(view, i);
	} else {
		add_list(view);
	}
	if (view->filter.len > 0)
		filter_rows(view);
	draw_lines(view);
	struct hd_view_id wanted = view->selected.tid != 0 ? view->selected : first_choice(view);
	size_t at = 0;
	while (at < view->rows.n && !same_id(hd_view_row_id(view, &view->rows.at[at]), wanted))
		at++;
	hd_view_select(view, at < view->rows.n ? at : view->at);
}
