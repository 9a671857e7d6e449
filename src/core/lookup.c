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

/* The first place whose key is not below `key`. */
static uint32_t keys_from(const struct hd_keys *keys, uint64_t key)
{
	uint32_t low = 0, high = keys->n;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (keys->at[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct hd_keys hd_keys_find(const struct hd_keys *keys, uint64_t key)
{
	uint32_t from = keys_from(keys, key), end = key == UINT64_MAX ? keys->n : keys_from(keys, key + 1);
	return (struct hd_keys){keys->at + from, end - from};
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
	struct hd_key *child = HD_NEW_N(arena, snap->n_procs, struct hd_key);
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		pid[p] = (struct hd_key){(uint32_t)snap->procs[p].pid, p};
		mm[p] = (struct hd_key){snap->procs[p].mm, p};
	}
	l->by_pid = keys_sort(pid, snap->n_procs);
	l->by_mm = keys_sort(mm, snap->n_procs);
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		parent[p] = (struct hd_key){parent_of(l, &snap->procs[p]), p};
		child[p] = (struct hd_key){HD_CHILD_KEY(parent[p].key, snap->procs[p].ns_pid), p};
	}
	l->by_parent = keys_sort(parent, snap->n_procs);
	l->by_child = keys_sort(child, snap->n_procs);
}

static void index_threads(const struct hd_snapshot *snap, struct hd_arena *arena, struct hd_lookup *l)
{
	struct hd_key *ns = HD_NEW_N(arena, snap->n_threads, struct hd_key);
	struct hd_key *tid = HD_NEW_N(arena, snap->n_threads, struct hd_key);
	struct hd_key *tls = HD_NEW_N(arena, snap->n_threads, struct hd_key);
	uint32_t n_tls = 0;
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		const struct hd_thread *th = &snap->threads[t];
		ns[t] = (struct hd_key){(uint32_t)(th->ns_tid != 0 ? th->ns_tid : th->tid), t};
		tid[t] = (struct hd_key){(uint32_t)th->tid, t};
		if (th->tls != 0)
			tls[n_tls++] = (struct hd_key){th->tls, t};
	}
	l->by_ns_tid = keys_sort(ns, snap->n_threads);
	l->by_tid = keys_sort(tid, snap->n_threads);
	l->by_tls = keys_sort(tls, n_tls);
}

static bool all_tls_known(const struct hd_snapshot *snap, const struct hd_proc *pr)
{
	for (uint32_t i = 0; i < pr->n_threads; i++) {
		const struct hd_thread *th = &snap->threads[pr->first_thread + i];
		if (th->tls == 0 && !hd_thread_ended(th))
			return false;
	}
	return true;
}

/* by_mm keeps those that share a memory together. */
static void index_memories(const struct hd_snapshot *snap, struct hd_arena *arena, struct hd_lookup *l)
{
	bool *whole = HD_NEW_N(arena, snap->n_procs, bool), *tls = HD_NEW_N(arena, snap->n_procs, bool);
	for (uint32_t k = 0, end; k < snap->n_procs; k = end) {
		const struct hd_proc *first = &snap->procs[l->by_mm.at[k].index];
		bool all_whole = true, all_tls = true;
		for (end = k; end < snap->n_procs && l->by_mm.at[end].key == l->by_mm.at[k].key; end++) {
			const struct hd_proc *pr = &snap->procs[l->by_mm.at[end].index];
			all_whole = all_whole && pr->threads_complete && pr->mm_shared_outside == HD_NO && pr->pid_ns == first->pid_ns;
			all_tls = all_tls && all_tls_known(snap, pr);
		}
		for (uint32_t i = k; i < end; i++) {
			whole[l->by_mm.at[i].index] = all_whole;
			tls[l->by_mm.at[i].index] = all_tls;
		}
	}
	l->mm_whole = whole;
	l->mm_tls_known = tls;
}

struct hd_lookup hd_lookup_make(const struct hd_snapshot *snap, struct hd_arena *arena)
{
	struct hd_lookup l = {0};
	index_procs(snap, arena, &l);
	index_threads(snap, arena, &l);
	index_memories(snap, arena, &l);
	return l;
}

bool hd_proc_ended(const struct hd_snapshot *snap, uint32_t p)
{
	const struct hd_proc *pr = &snap->procs[p];
	/* Its own letter was read before those of its threads, so they know better. */
	if (pr->n_threads == 0)
		return pr->state == 'Z' || pr->state == 'X';
	for (uint32_t i = 0; i < pr->n_threads; i++) {
		if (!hd_thread_ended(&snap->threads[pr->first_thread + i]))
			return false;
	}
	return true;
}

uint32_t hd_lookup_child(const struct hd_snapshot *snap, const struct hd_lookup *lookup, uint32_t p, const struct hd_wait *wait)
{
	if (wait->child_pid <= 0 || wait->child_idtype > 1)
		return HD_NONE;
	struct hd_keys same = hd_keys_find(&lookup->by_child, HD_CHILD_KEY(p, wait->child_pid));
	for (uint32_t i = 0; i < same.n && i < HD_SAME_MAX; i++) {
		/* Numbers are of the waiter's namespace. */
		if (snap->procs[same.at[i].index].pid_ns == snap->procs[p].pid_ns)
			return same.at[i].index;
	}
	return HD_NONE;
}
