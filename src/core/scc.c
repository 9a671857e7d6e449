#include "core/scc.h"

#define UNSEEN UINT32_MAX

struct tarjan {
	const struct hd_edges *edges;
	uint32_t *number, *low; /* order of discovery, lowest number reachable */
	uint32_t *next;         /* per node: its next edge to follow */
	uint32_t *path, n_path; /* the walk from its start to the node in hand */
	uint32_t *open, n_open; /* seen, component not known yet */
	bool *is_open;
	uint32_t count, n_order;
	struct hd_scc scc;
};

static void enter(struct tarjan *k, uint32_t i)
{
	k->number[i] = k->low[i] = k->count++;
	k->path[k->n_path++] = i;
	k->open[k->n_open++] = i;
	k->is_open[i] = true;
}

static void leave(struct tarjan *k, uint32_t i)
{
	k->n_path--;
	if (k->n_path > 0) {
		uint32_t before = k->path[k->n_path - 1];
		if (k->low[i] < k->low[before])
			k->low[before] = k->low[i];
	}
	if (k->low[i] != k->number[i])
		return;
	uint32_t member;
	do {
		member = k->open[--k->n_open];
		k->is_open[member] = false;
		k->scc.comp[member] = k->scc.n_comps;
		k->scc.order[k->n_order++] = member;
	} while (member != i);
	k->scc.n_comps++;
}

static void walk(struct tarjan *k, uint32_t start)
{
	enter(k, start);
	while (k->n_path > 0) {
		uint32_t i = k->path[k->n_path - 1];
		if (k->next[i] == k->edges[i].n) {
			leave(k, i);
			continue;
		}
		uint32_t to = k->edges[i].at[k->next[i]++];
		if (k->number[to] == UNSEEN)
			enter(k, to);
		else if (k->is_open[to] && k->number[to] < k->low[i])
			k->low[i] = k->number[to];
	}
}

struct hd_scc hd_scc_find(const struct hd_edges *edges, uint32_t n, struct hd_arena *arena)
{
	struct tarjan k = {.edges = edges};
	uint32_t **arrays[] = {&k.number, &k.low, &k.next, &k.path, &k.open, &k.scc.comp, &k.scc.order};
	for (size_t a = 0; a < HD_COUNTOF(arrays); a++)
		*arrays[a] = HD_NEW_N(arena, n, uint32_t);
	k.is_open = HD_NEW_N(arena, n, bool);
	for (uint32_t i = 0; i < n; i++)
		k.number[i] = UNSEEN;
	for (uint32_t i = 0; i < n; i++) {
		if (k.number[i] == UNSEEN)
			walk(&k, i);
	}
	return k.scc;
}
