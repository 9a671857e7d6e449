#include <string.h>

#include "hangdog/judge.h"

struct hd_certificate hd_certificate_make(const struct hd_graph *graph, const struct hd_judgement *j, struct hd_arena *arena)
{
	struct hd_certificate cert = {.at = HD_NEW_N(arena, j->n_proven + j->n_owned, struct hd_claim)};
	for (uint32_t i = 0; i < j->n; i++) {
		const struct hd_node *node = &graph->nodes[i];
		if (j->certainty[i] == HD_CERT_NONE)
			continue;
		bool by_owner = j->certainty[i] == HD_CERT_OWNED && node->has_owner;
		cert.at[cert.n++] = (struct hd_claim){.thread = i,
						      .certainty = j->certainty[i],
						      .by_owner = by_owner,
						      .wakers = by_owner ? node->owners : node->wakers};
	}
	return cert;
}

/* Deliberately shares nothing with hd_judge: it reads the claims against the graph, one by one. */
static bool claim_holds(const struct hd_graph *graph, const struct hd_claim *claim, const uint8_t *claimed)
{
	const struct hd_node *node = &graph->nodes[claim->thread];
	const struct hd_edges *all = claim->by_owner ? &node->owners : &node->wakers;
	if (claim->certainty != HD_CERT_PROVEN && claim->certainty != HD_CERT_OWNED)
		return false;
	if (claim->by_owner != (claim->certainty == HD_CERT_OWNED && node->has_owner))
		return false;
	if (node->is_live || node->has_deadline || (claim->by_owner ? node->owner_outside : node->has_outside))
		return false;
	if (claim->wakers.n != all->n || (all->n > 0 && memcmp(claim->wakers.at, all->at, all->n * sizeof(*all->at)) != 0))
		return false;
	for (uint32_t i = 0; i < all->n; i++) {
		if (all->at[i] >= graph->n || claimed[all->at[i]] < claim->certainty)
			return false;
	}
	return true;
}

/* What is claimed of each thread; false when one is claimed twice, or is none. */
static bool note_claims(const struct hd_graph *graph, const struct hd_certificate *cert, uint8_t *claimed)
{
	for (uint32_t i = 0; i < cert->n; i++) {
		uint32_t t = cert->at[i].thread;
		if (t >= graph->n || claimed[t] != HD_CERT_NONE)
			return false;
		claimed[t] = (uint8_t)cert->at[i].certainty;
	}
	return true;
}

bool hd_certificate_check(const struct hd_graph *graph, const struct hd_certificate *cert)
{
	if (cert->n == 0)
		return true;
	if (graph->truncated || cert->n > graph->n)
		return false;
	uint8_t *claimed = calloc(graph->n, 1);
	bool ok = claimed != NULL && note_claims(graph, cert, claimed);
	for (uint32_t i = 0; ok && i < cert->n; i++)
		ok = claim_holds(graph, &cert->at[i], claimed);
	free(claimed);
	return ok;
}
