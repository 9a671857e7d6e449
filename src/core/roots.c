#include "core/roots.h"

#include "core/scc.h"
#include "hangdog/itimers.h"

struct finder {
	const struct hd_snapshot *snap;
	const struct hd_verdict *v;
	struct hd_arena *arena;
	struct hd_scc scc;
	struct hd_edges *edges;
	/* Per component. */
	bool *has_thread, *concerns;
	uint32_t *root_comp; /* the root component it waits on, itself if it is one, HD_NONE = no thread in or below it */
};

static bool is_dead(const struct hd_verdict *v, uint32_t t)
{
	return v->threads[t].certainty >= HD_CERT_OWNED;
}

/* The one who holds the lock, if that thread is dead itself.  The thread that made the fork lives on as the leader. */
static struct hd_edges holders_of(const struct finder *f, uint32_t t)
{
	const struct hd_owner *owner = &f->v->threads[t].owner;
	uint32_t holder = owner->thread;
	if (owner->state == HD_OWNER_FORKER)
		holder = hd_proc_leader(f->snap, f->snap->threads[t].proc);
	if (holder == HD_NONE || holder == t || !is_dead(f->v, holder))
		return (struct hd_edges){0};
	return (struct hd_edges){hd_arena_dup(f->arena, &holder, sizeof(holder)), 1};
}

/* For explaining, whoever is known to hold the lock is the only one waited for; a lock that nobody alive holds is an
 * end of the search. */
static struct hd_edges edges_to_explain(const struct finder *f, uint32_t t)
{
	static const struct hd_edges nobody = {0};
	const struct hd_thread *th = &f->snap->threads[t];
	const struct hd_owner *owner = &f->v->threads[t].owner;
	if (hd_owner_explains(th, owner)) {
		if (owner->state != HD_OWNER_THREAD && owner->state != HD_OWNER_FORKER)
			return nobody;
		struct hd_edges holders = holders_of(f, t);
		if (owner->state == HD_OWNER_THREAD && holders.n == 0)
			return f->v->graph.nodes[t].wakers;
		return holders;
	} else if (th->lock.held_at_fork == HD_YES && hd_cause_of_thread(f->snap, f->v, t) == HD_CAUSE_INHERITED_LOCK) {
		return nobody;
	}
	return f->v->graph.nodes[t].wakers;
}

static void make_edges(struct finder *f)
{
	const struct hd_graph *graph = &f->v->graph;
	f->edges = HD_NEW_N(f->arena, graph->n, struct hd_edges);
	for (uint32_t i = 0; i < graph->n; i++) {
		bool is_thread = i < f->snap->n_threads;
		if (is_thread && is_dead(f->v, i))
			f->edges[i] = edges_to_explain(f, i);
		else if (!is_thread)
			f->edges[i] = graph->nodes[i].wakers;
	}
}

/* Components come with those they wait on first, so one pass finds on which root each of them ends. */
static void find_root_comps(struct finder *f)
{
	uint32_t n = f->v->graph.n;
	f->has_thread = HD_NEW_N(f->arena, f->scc.n_comps, bool);
	f->concerns = HD_NEW_N(f->arena, f->scc.n_comps, bool);
	f->root_comp = HD_NEW_N(f->arena, f->scc.n_comps, uint32_t);
	for (uint32_t c = 0; c < f->scc.n_comps; c++)
		f->root_comp[c] = HD_NONE;
	for (uint32_t k = 0, end; k < n; k = end) {
		uint32_t c = f->scc.comp[f->scc.order[k]];
		for (end = k; end < n && f->scc.comp[f->scc.order[end]] == c; end++) {
			uint32_t i = f->scc.order[end];
			if (i < f->snap->n_threads && is_dead(f->v, i))
				f->has_thread[c] = true;
			for (uint32_t e = 0; e < f->edges[i].n; e++) {
				uint32_t to = f->scc.comp[f->edges[i].at[e]];
				if (to != c && f->root_comp[to] != HD_NONE && f->root_comp[c] == HD_NONE)
					f->root_comp[c] = f->root_comp[to];
			}
		}
		if (f->root_comp[c] == HD_NONE && f->has_thread[c])
			f->root_comp[c] = c;
	}
}

/* Do the owners of locks, one after the other, come back to where they started? */
static bool is_owner_cycle(const struct finder *f, const struct hd_root *root)
{
	uint32_t t = root->threads[0];
	for (uint32_t i = 0; i < root->n_threads; i++) {
		const struct hd_owner *owner = &f->v->threads[t].owner;
		if (owner->state != HD_OWNER_THREAD || !hd_owner_explains(&f->snap->threads[t], owner))
			return false;
		t = owner->thread;
	}
	return root->n_threads > 1;
}

static bool waits_through_kernel(const struct finder *f, const struct hd_root *root)
{
	for (uint32_t i = 0; i < root->n_threads; i++) {
		if (f->v->threads[root->threads[i]].wait.kind != HD_WAIT_FUTEX)
			return true;
	}
	return false;
}

static int32_t pid_of(const struct hd_snapshot *snap, uint32_t t)
{
	return snap->procs[snap->threads[t].proc].pid;
}

/* The order of threads in explanations: the guarded tree first, then by number. */
static bool comes_before(const struct hd_snapshot *snap, uint32_t a, uint32_t b)
{
	bool a_in = snap->procs[snap->threads[a].proc].in_tree, b_in = snap->procs[snap->threads[b].proc].in_tree;
	if (a_in != b_in)
		return a_in;
	if (pid_of(snap, a) != pid_of(snap, b))
		return pid_of(snap, a) < pid_of(snap, b);
	return snap->threads[a].tid < snap->threads[b].tid;
}

static void explain_root(const struct finder *f, struct hd_root *root)
{
	bool all_freed = true;
	root->cause = HD_CAUSE_NONE;
	root->certainty = HD_CERT_PROVEN;
	root->lead = HD_NONE;
	for (uint32_t i = 0; i < root->n_threads; i++)
		all_freed &= hd_alarm_frees(f->snap, f->v, root->threads[i]);
	for (uint32_t i = 0; i < root->n_threads; i++) {
		uint32_t t = root->threads[i];
		enum hd_cause cause = hd_cause_of_thread(f->snap, f->v, t);
		unsigned rank = hd_cause_rank(cause), best = hd_cause_rank(root->cause);
		if (f->v->threads[t].certainty < root->certainty)
			root->certainty = f->v->threads[t].certainty;
		if (!all_freed && hd_alarm_frees(f->snap, f->v, t))
			continue; /* it merely waits for an end that a timer brings */
		if (root->lead != HD_NONE && (rank > best || (rank == best && !comes_before(f->snap, t, root->lead))))
			continue;
		root->cause = cause;
		root->lead = t;
	}
	enum hd_cause around = waits_through_kernel(f, root) ? HD_CAUSE_WAIT_CYCLE : HD_CAUSE_NO_WAKER;
	if (is_owner_cycle(f, root))
		around = HD_CAUSE_LOCK_CYCLE;
	if (hd_cause_rank(around) < hd_cause_rank(root->cause))
		root->cause = around;
}

static int root_order(const void *a, const void *b, void *snap)
{
	const struct hd_root *x = a, *y = b;
	if (x->certainty != y->certainty)
		return x->certainty > y->certainty ? -1 : 1;
	if (hd_cause_rank(x->cause) != hd_cause_rank(y->cause))
		return hd_cause_rank(x->cause) < hd_cause_rank(y->cause) ? -1 : 1;
	return x->lead == y->lead ? 0 : comes_before(snap, x->lead, y->lead) ? -1 : 1;
}

static int number_order(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* The dead threads of the component that begins at order[k]; *k moves behind it. */
static struct hd_root root_at(const struct finder *f, uint32_t *k)
{
	uint32_t n = f->v->graph.n, c = f->scc.comp[f->scc.order[*k]], count = 0, start = *k;
	for (; *k < n && f->scc.comp[f->scc.order[*k]] == c; (*k)++)
		count += f->scc.order[*k] < f->snap->n_threads;
	uint32_t *threads = HD_NEW_N(f->arena, count, uint32_t);
	struct hd_root root = {.threads = threads};
	for (uint32_t i = start; i < *k; i++) {
		if (f->scc.order[i] < f->snap->n_threads)
			threads[root.n_threads++] = f->scc.order[i];
	}
	qsort(threads, count, sizeof(*threads), number_order);
	return root;
}

static void collect(struct finder *f, struct hd_roots *roots)
{
	for (uint32_t t = 0; t < f->snap->n_threads; t++) {
		uint32_t root = f->root_comp[f->scc.comp[t]];
		if (is_dead(f->v, t) && root != HD_NONE && f->snap->procs[f->snap->threads[t].proc].in_tree) {
			roots->n += !f->concerns[root];
			f->concerns[root] = true;
		}
	}
	roots->at = HD_NEW_N(f->arena, roots->n, struct hd_root);
	uint32_t n = 0;
	for (uint32_t k = 0; k < f->v->graph.n;) {
		uint32_t c = f->scc.comp[f->scc.order[k]];
		if (f->concerns[c]) {
			roots->at[n] = root_at(f, &k);
			explain_root(f, &roots->at[n++]);
		} else {
			k++;
		}
	}
	qsort_r(roots->at, roots->n, sizeof(*roots->at), root_order, (void *)f->snap);
}

struct hd_roots hd_roots_find(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena)
{
	struct finder f = {.snap = snap, .v = v, .arena = arena};
	struct hd_roots roots = {.root_of = HD_NEW_N(arena, snap->n_threads, uint32_t)};
	make_edges(&f);
	f.scc = hd_scc_find(f.edges, v->graph.n, arena);
	find_root_comps(&f);
	collect(&f, &roots);
	uint32_t *by_comp = HD_NEW_N(arena, f.scc.n_comps, uint32_t);
	for (uint32_t c = 0; c < f.scc.n_comps; c++)
		by_comp[c] = HD_NONE;
	for (uint32_t r = 0; r < roots.n; r++)
		by_comp[f.scc.comp[roots.at[r].lead]] = r;
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		uint32_t root = f.root_comp[f.scc.comp[t]];
		roots.root_of[t] = is_dead(v, t) && root != HD_NONE ? by_comp[root] : HD_NONE;
	}
	return roots;
}
