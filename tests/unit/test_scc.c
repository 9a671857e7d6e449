#include <criterion/criterion.h>

#include "core/scc.h"

Test(scc, components_come_after_those_they_point_to, .timeout = 10)
{
	/* 0 <-> 1 -> 2 <-> 3; 4 alone, pointing at itself */
	static const uint32_t to1[] = {1}, to02[] = {0, 2}, to3[] = {3}, to2[] = {2}, to4[] = {4};
	struct hd_edges edges[] = {{to1, 1}, {to02, 2}, {to3, 1}, {to2, 1}, {to4, 1}};
	struct hd_arena *arena = hd_arena_new();
	struct hd_scc scc = hd_scc_find(edges, 5, arena);
	cr_expect_eq(scc.n_comps, 3u);
	cr_expect_eq(scc.comp[0], scc.comp[1]);
	cr_expect_eq(scc.comp[2], scc.comp[3]);
	cr_expect_gt(scc.comp[0], scc.comp[2]);
	for (uint32_t i = 1; i < 5; i++)
		cr_expect_leq(scc.comp[scc.order[i - 1]], scc.comp[scc.order[i]]);
	hd_arena_free(arena);
}

Test(scc, a_long_chain_needs_no_deep_stack, .timeout = 10)
{
	uint32_t n = 300000;
	struct hd_arena *arena = hd_arena_new();
	struct hd_edges *edges = HD_NEW_N(arena, n, struct hd_edges);
	uint32_t *next = HD_NEW_N(arena, n, uint32_t);
	for (uint32_t i = 0; i < n; i++) {
		next[i] = i + 1;
		edges[i] = (struct hd_edges){&next[i], i + 1 < n};
	}
	cr_expect_eq(hd_scc_find(edges, n, arena).n_comps, n);
	next[n - 1] = 0;
	edges[n - 1].n = 1;
	cr_expect_eq(hd_scc_find(edges, n, arena).n_comps, 1u);
	cr_expect_eq(hd_scc_find(NULL, 0, arena).n_comps, 0u);
	hd_arena_free(arena);
}
