#include "core/lookup.h"

static int key_order(const void *a, const void *b)
{
	const struct hd_key *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static struct hd_keys keys_sort(struct hd_key *at, uint32_t n)
{
	bool sorted = true;
	for (uint32_t i = 1; i < n && sorted; i++)
		sorted = key_order(&at[i - 1], &at[i]) <= 0;
	if (!sorted)
		qsort(at, n, sizeof(*at), key_order);
	return (struct hd_keys){at, n};
}

struct hd_keys hd_keys_find(const struct hd_keys *keys, uint64_t key)
{
	uint32_t low = 0, high = keys->n;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (keys->at[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	uint32_t end = low;
	while (end < keys->n && keys->at[end].key == key)
		end++;
	return (struct hd_keys){keys->at + low, end - low};
}

/* Who created a process may be known by index or only by number; both count. */
static uint32_t parent_of(const struct hd_lookup *l, const struct hd_proc *pr)
{
	if (pr->parent != HD_NONE)
		return pr->parent;
	struct hd_keys same = hd_keys_find(&l->by_pid, (uint32_t)pr->ppid);
	return same.n > 0 ? same.at[0].index : HD_NONE;
}

static void index_procs(const struct hd_snapshot *snap, struct hd_arena *arena, struct hd_lookup *l)
{
	struct hd_key *pid = HD_NEW_N(arena, snap->n_procs, struct hd_key);
	struct hd_key *mm = HD_NEW_N(arena, snap->n_procs, struct hd_key);
	struct hd_key *parent = HD_NEW_N(arena, snap->n_procs, struct hd_key);
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		pid[p] = (struct hd_key){(uint32_t)snap->procs[p].pid, p};
		mm[p] = (struct hd_key){snap->procs[p].mm, p};
	}
	l->by_pid = keys_sort(pid, snap->n_procs);
	l->by_mm = keys_sort(mm, snap->n_procs);
	for (uint32_t p = 0; p < snap->n_procs; p++)
		parent[p] = (struct hd_key){parent_of(l, &snap->procs[p]), p};
	l->by_parent = keys_sort(parent, snap->n_procs);
}

static void index_threads(const struct hd_snapshot *snap, struct hd_arena *arena, struct hd_lookup *l)
{
	struct hd_key *ns = HD_NEW_N(arena, snap->n_threads, struct hd_key);
	struct hd_key *tid = HD_NEW_N(arena, snap->n_threads, struct hd_key);
	struct hd_key *tls = HD_NEW_N(arena, snap->n_threads, struct hd_key);
	bool *known = HD_NEW_N(arena, snap->n_procs, bool);
	uint32_t n_tls = 0;
	for (uint32_t p = 0; p < snap->n_procs; p++)
		known[p] = true;
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		const struct hd_thread *th = &snap->threads[t];
		ns[t] = (struct hd_key){(uint32_t)(th->ns_tid != 0 ? th->ns_tid : th->tid), t};
		tid[t] = (struct hd_key){(uint32_t)th->tid, t};
		if (th->tls != 0)
			tls[n_tls++] = (struct hd_key){th->tls, t};
		else if (!hd_thread_ended(th))
			known[th->proc] = false;
	}
	l->by_ns_tid = keys_sort(ns, snap->n_threads);
	l->by_tid = keys_sort(tid, snap->n_threads);
	l->by_tls = keys_sort(tls, n_tls);
	l->tls_known = known;
}

struct hd_lookup hd_lookup_make(const struct hd_snapshot *snap, struct hd_arena *arena)
{
	struct hd_lookup l = {0};
	index_procs(snap, arena, &l);
	index_threads(snap, arena, &l);
	return l;
}

bool hd_proc_ended(const struct hd_snapshot *snap, uint32_t p)
{
	const struct hd_proc *pr = &snap->procs[p];
	if (pr->state != 'Z' && pr->state != 'X')
		return false;
	for (uint32_t i = 0; i < pr->n_threads; i++) {
		if (!hd_thread_ended(&snap->threads[pr->first_thread + i]))
			return false;
	}
	return true;
}

uint32_t hd_lookup_child(const struct hd_snapshot *snap, const struct hd_lookup *lookup, uint32_t p, const struct hd_wait *wait)
{
	struct hd_keys kids = hd_keys_find(&lookup->by_parent, p);
	for (uint32_t i = 0; i < kids.n && wait->child_pid > 0 && wait->child_idtype <= 1; i++) {
		const struct hd_proc *kid = &snap->procs[kids.at[i].index];
		/* Numbers are of the waiter's namespace. */
		if (kid->pid_ns == snap->procs[p].pid_ns && kid->ns_pid == wait->child_pid)
			return kids.at[i].index;
	}
	return HD_NONE;
}
