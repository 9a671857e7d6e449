#include "hangdog/judge.h"

/* One run of the fixpoint: which nodes can go on, if wakers are these edges?  Everything starts as dead; what is alive
 * by itself goes on the work list; whoever waits for something on the list can go on as well. */
struct run {
	const struct hd_graph *graph;
	bool by_owner;       /* the second run: owners in place of wakers where there is a believable owner */
	const uint8_t *fixed; /* certainty so far: what is proven stays dead in the second run */
	uint8_t *revivable;
	uint32_t *todo, n_todo;
};

static bool uses_owner(const struct run *run, const struct hd_node *node)
{
	return run->by_owner && node->has_owner;
}

static struct hd_edges edges_of(const struct run *run, uint32_t i)
{
	const struct hd_node *node = &run->graph->nodes[i];
	return uses_owner(run, node) ? node->owners : node->wakers;
}

static void revive(struct run *run, uint32_t i)
{
	if (run->revivable[i] || run->fixed[i] == HD_CERT_PROVEN)
		return;
	run->revivable[i] = true;
	run->todo[run->n_todo++] = i;
}

/* Alive without anybody's help, or waked by somebody that the graph does not know. */
static bool is_seed(const struct run *run, uint32_t i)
{
	const struct hd_node *node = &run->graph->nodes[i];
	if (node->is_live || node->has_deadline || (uses_owner(run, node) ? node->owner_outside : node->has_outside))
		return true;
	struct hd_edges edges = edges_of(run, i);
	for (uint32_t e = 0; e < edges.n; e++) {
		if (edges.at[e] >= run->graph->n)
			return true;
	}
	return false;
}

/* Who waits for whom, turned round: the waiters of node i are at[start[i]] .. at[start[i + 1] - 1]. */
struct reverse {
	uint32_t *start, *at;
};

static struct reverse reverse_make(const struct run *run, struct hd_arena *arena)
{
	uint32_t n = run->graph->n;
	struct reverse r = {.start = HD_NEW_N(arena, (size_t)n + 2, uint32_t)};
	for (uint32_t i = 0; i < n; i++) {
		struct hd_edges edges = edges_of(run, i);
		for (uint32_t e = 0; e < edges.n; e++) {
			if (edges.at[e] < n)
				r.start[edges.at[e] + 2]++;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		r.start[i + 2] += r.start[i + 1];
	r.at = HD_NEW_N(arena, r.start[n + 1], uint32_t);
	/* start[i + 1] is the place of the next waiter of i while this fills; afterwards it is where those of i end. */
	for (uint32_t i = 0; i < n; i++) {
		struct hd_edges edges = edges_of(run, i);
		for (uint32_t e = 0; e < edges.n; e++) {
			if (edges.at[e] < n)
				r.at[r.start[edges.at[e] + 1]++] = i;
		}
	}
	return r;
}

static void run_fixpoint(struct run *run, struct hd_arena *arena)
{
	uint32_t n = run->graph->n;
	run->revivable = HD_NEW_N(arena, n, uint8_t);
	run->todo = HD_NEW_N(arena, n, uint32_t);
	struct reverse r = reverse_make(run, arena);
	for (uint32_t i = 0; i < n; i++) {
		if (is_seed(run, i))
			revive(run, i);
	}
	while (run->n_todo > 0) {
		uint32_t i = run->todo[--run->n_todo];
		for (uint32_t e = r.start[i]; e < r.start[i + 1]; e++)
			revive(run, r.at[e]);
	}
}

struct hd_judgement hd_judge(const struct hd_graph *graph, struct hd_arena *arena)
{
	struct hd_judgement j = {.certainty = HD_NEW_N(arena, graph->n, uint8_t), .n = graph->n};
	if (graph->truncated)
		return j;
	static const enum hd_certainty levels[] = {HD_CERT_PROVEN, HD_CERT_OWNED};
	for (size_t k = 0; k < HD_COUNTOF(levels); k++) {
		struct run run = {.graph = graph, .by_owner = levels[k] == HD_CERT_OWNED, .fixed = j.certainty};
		run_fixpoint(&run, arena);
		for (uint32_t i = 0; i < graph->n; i++) {
			if (run.revivable[i] || j.certainty[i] != HD_CERT_NONE)
				continue;
			j.certainty[i] = (uint8_t)levels[k];
			*(levels[k] == HD_CERT_PROVEN ? &j.n_proven : &j.n_owned) += 1;
		}
	}
	return j;
}
