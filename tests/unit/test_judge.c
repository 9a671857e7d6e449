#include <criterion/criterion.h>

#include "hangdog/judge.h"

static struct hd_edges edges(const uint32_t *at, uint32_t n)
{
	return (struct hd_edges){at, n};
}

/* 0 waits for 1, 1 for 0; 2 waits for 0 and 3; 3 runs. */
static const uint32_t to0[] = {0}, to1[] = {1}, to03[] = {0, 3};

Test(judge, who_waits_only_for_each_other_is_proven_dead, .timeout = 10)
{
	struct hd_node nodes[] = {{.wakers = edges(to1, 1)}, {.wakers = edges(to0, 1)}, {.wakers = edges(to03, 2)}, {.is_live = true}};
	struct hd_graph graph = {.nodes = nodes, .n = 4};
	struct hd_arena *arena = hd_arena_new();
	struct hd_judgement j = hd_judge(&graph, arena);
	cr_expect_eq(j.certainty[0], HD_CERT_PROVEN);
	cr_expect_eq(j.certainty[1], HD_CERT_PROVEN);
	cr_expect_eq(j.certainty[2], HD_CERT_NONE);
	cr_expect_eq(j.n_proven, 2u);
	graph.truncated = true;
	cr_expect_eq(hd_judge(&graph, arena).n_proven, 0u);
	hd_arena_free(arena);
}

Test(judge, owners_stand_in_for_wakers_in_the_second_run_only, .timeout = 10)
{
	/* 0 wants what 1 owns, 1 what 0 owns; 3 runs and could wake both by kernel rules. */
	static const uint32_t to3[] = {3};
	struct hd_node nodes[] = {{.wakers = edges(to3, 1), .has_owner = true, .owners = edges(to1, 1)},
				  {.wakers = edges(to3, 1), .has_owner = true, .owners = edges(to0, 1)},
				  {.wakers = edges(to0, 1)},
				  {.is_live = true}};
	struct hd_graph graph = {.nodes = nodes, .n = 4};
	struct hd_arena *arena = hd_arena_new();
	struct hd_judgement j = hd_judge(&graph, arena);
	cr_expect_eq(j.certainty[0], HD_CERT_OWNED);
	cr_expect_eq(j.certainty[2], HD_CERT_OWNED, "it waits for one that is owned dead");
	cr_expect_eq(j.n_owned, 3u);
	nodes[1].owner_outside = true;
	cr_expect_eq(hd_judge(&graph, arena).n_owned, 0u);
	hd_arena_free(arena);
}

Test(judge, an_edge_to_nowhere_is_an_outside, .timeout = 10)
{
	static const uint32_t to9[] = {9};
	struct hd_node nodes[] = {{.wakers = edges(to9, 1)}};
	struct hd_graph graph = {.nodes = nodes, .n = 1};
	struct hd_arena *arena = hd_arena_new();
	cr_expect_eq(hd_judge(&graph, arena).n_proven, 0u);
	nodes[0].wakers.n = 0;
	cr_expect_eq(hd_judge(&graph, arena).n_proven, 1u);
	hd_arena_free(arena);
}

Test(judge, an_empty_graph_is_fine, .timeout = 10)
{
	struct hd_graph graph = {0};
	struct hd_arena *arena = hd_arena_new();
	struct hd_judgement j = hd_judge(&graph, arena);
	struct hd_certificate cert = hd_certificate_make(&graph, &j, arena);
	cr_expect_eq(j.n, 0u);
	cr_expect(hd_certificate_check(&graph, &cert));
	hd_arena_free(arena);
}
