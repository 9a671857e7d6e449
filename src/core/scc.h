/* Strongly connected components (Tarjan, without recursion: the graph comes from a target).  Pure, linear. */
#ifndef HANGDOG_CORE_SCC_H
#define HANGDOG_CORE_SCC_H

#include "hangdog/judge.h"

struct hd_scc {
	uint32_t *comp;  /* per node: its component; a component's number is higher than those that it has edges to */
	uint32_t *order; /* all nodes, by component */
	uint32_t n_comps;
};

/* edges[i]: where node i points; targets must be in range. */
struct hd_scc hd_scc_find(const struct hd_edges *edges, uint32_t n, struct hd_arena *arena);

#endif
