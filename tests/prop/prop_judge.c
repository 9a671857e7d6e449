/* The judge against a naive oracle: random graphs, and every graph of up to three nodes.  HD_PROP_N sets the number of
 * random graphs (default 200,000), HD_PROP_SEED the first seed.  A failing graph is shrunk and printed. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../lib/rand.h"
#include "hangdog/judge.h"

#define NODES_MAX 24
#define EDGES_MAX 8

/* A graph that can be changed: what hd_graph points to, in fixed arrays. */
struct model {
	uint32_t n;
	bool truncated;
	struct hd_node nodes[NODES_MAX];
	uint32_t wakers[NODES_MAX][EDGES_MAX], owners[NODES_MAX][EDGES_MAX];
};

static struct hd_graph graph_of(struct model *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		m->nodes[i].wakers.at = m->wakers[i];
		m->nodes[i].owners.at = m->owners[i];
	}
	return (struct hd_graph){.nodes = m->nodes, .n = m->n, .truncated = m->truncated};
}

/* ---- oracles ---------------------------------------------------------------------------------------------------------- */

/* Can node i stay dead, if exactly the nodes of `dead` are? */
static bool holds(const struct model *m, uint32_t i, const bool *dead, bool by_owner)
{
	const struct hd_node *node = &m->nodes[i];
	bool owner = by_owner && node->has_owner;
	const uint32_t *at = owner ? m->owners[i] : m->wakers[i];
	uint32_t n = owner ? node->owners.n : node->wakers.n;
	if (node->is_live || node->has_deadline || (owner ? node->owner_outside : node->has_outside))
		return false;
	for (uint32_t e = 0; e < n; e++) {
		if (at[e] >= m->n || !dead[at[e]])
			return false;
	}
	return true;
}

/* Delete what cannot stay until nothing changes. */
static void oracle_run(const struct model *m, bool by_owner, const bool *fixed, bool *dead)
{
	for (uint32_t i = 0; i < m->n; i++)
		dead[i] = true;
	for (bool again = true; again;) {
		again = false;
		for (uint32_t i = 0; i < m->n; i++) {
			if (dead[i] && !(fixed != NULL && fixed[i]) && !holds(m, i, dead, by_owner)) {
				dead[i] = false;
				again = true;
			}
		}
	}
}

static void oracle(const struct model *m, uint8_t *certainty)
{
	bool proven[NODES_MAX], owned[NODES_MAX];
	memset(certainty, HD_CERT_NONE, NODES_MAX);
	if (m->truncated)
		return;
	oracle_run(m, false, NULL, proven);
	oracle_run(m, true, proven, owned);
	for (uint32_t i = 0; i < m->n; i++)
		certainty[i] = proven[i] ? HD_CERT_PROVEN : owned[i] ? HD_CERT_OWNED : HD_CERT_NONE;
}

/* Even more naive, for tiny graphs: the union of all sets whose members wait for members only. */
static void oracle_sets(const struct model *m, uint8_t *certainty)
{
	bool proven[NODES_MAX] = {false};
	memset(certainty, HD_CERT_NONE, NODES_MAX);
	for (int run = 0; run < 2; run++) {
		for (uint32_t set = 0; set < 1u << m->n; set++) {
			bool in[NODES_MAX], ok = true;
			for (uint32_t i = 0; i < m->n; i++)
				in[i] = (set >> i & 1) != 0 || (run == 1 && proven[i]);
			for (uint32_t i = 0; i < m->n; i++)
				ok = ok && (!in[i] || proven[i] || holds(m, i, in, run == 1));
			for (uint32_t i = 0; ok && i < m->n; i++) {
				if (in[i] && certainty[i] == HD_CERT_NONE)
					certainty[i] = run == 0 ? HD_CERT_PROVEN : HD_CERT_OWNED;
			}
		}
		for (uint32_t i = 0; i < m->n; i++)
			proven[i] = certainty[i] == HD_CERT_PROVEN;
	}
}

/* ---- properties: each returns NULL or what is wrong --------------------------------------------------------------------- */

static const char *same_as_oracle(struct model *m)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_graph graph = graph_of(m);
	uint8_t expect[NODES_MAX];
	oracle(m, expect);
	struct hd_judgement j = hd_judge(&graph, arena), again = hd_judge(&graph, arena);
	uint32_t proven = 0, owned = 0;
	for (uint32_t i = 0; i < m->n; i++) {
		proven += expect[i] == HD_CERT_PROVEN;
		owned += expect[i] == HD_CERT_OWNED;
	}
	const char *why = NULL;
	if (m->n > 0 && memcmp(j.certainty, expect, m->n) != 0)
		why = "differs from the oracle";
	else if (m->n > 0 && memcmp(j.certainty, again.certainty, m->n) != 0)
		why = "a second judgement differs";
	else if (j.n_proven != proven || j.n_owned != owned)
		why = "counts are wrong";
	struct hd_certificate cert = hd_certificate_make(&graph, &j, arena);
	if (why == NULL && (!hd_certificate_check(&graph, &cert) || cert.n != proven + owned))
		why = "its certificate is refused or not complete";
	hd_arena_free(arena);
	return why;
}

static void judge_into(struct model *m, uint8_t *certainty)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_graph graph = graph_of(m);
	struct hd_judgement j = hd_judge(&graph, arena);
	memset(certainty, 0, NODES_MAX);
	if (m->n > 0)
		memcpy(certainty, j.certainty, m->n);
	hd_arena_free(arena);
}

/* A waker, an outside, a limit or life never makes anyone more dead. */
static const char *is_monotone(struct model *m, struct tr *r)
{
	struct model more = *m;
	uint8_t before[NODES_MAX], after[NODES_MAX];
	if (m->n == 0)
		return NULL;
	uint32_t i = tr_below(r, m->n);
	struct hd_node *node = &more.nodes[i];
	switch (tr_below(r, 6)) {
	case 0:
		node->is_live = true;
		break;
	case 1:
		node->has_outside = true;
		break;
	case 2:
		node->has_deadline = true;
		break;
	case 3:
		node->owner_outside = true;
		break;
	case 4:
		if (node->owners.n < EDGES_MAX)
			more.owners[i][node->owners.n++] = tr_below(r, m->n + 1);
		break;
	default:
		if (node->wakers.n < EDGES_MAX)
			more.wakers[i][node->wakers.n++] = tr_below(r, m->n + 1);
		break;
	}
	judge_into(m, before);
	judge_into(&more, after);
	for (uint32_t k = 0; k < m->n; k++) {
		if (after[k] > before[k])
			return "more wakers made somebody more dead";
	}
	return NULL;
}

/* Numbering and the order of edges say nothing. */
static const char *is_order_free(struct model *m, struct tr *r)
{
	struct model other = *m;
	uint32_t to[NODES_MAX];
	for (uint32_t i = 0; i < m->n; i++)
		to[i] = i;
	for (uint32_t i = m->n; i > 1; i--) {
		uint32_t k = tr_below(r, i), swap = to[k];
		to[k] = to[i - 1];
		to[i - 1] = swap;
	}
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t p = to[i];
		other.nodes[p] = m->nodes[i];
		for (uint32_t e = 0; e < m->nodes[i].wakers.n; e++) {
			uint32_t w = m->wakers[i][m->nodes[i].wakers.n - 1 - e];
			other.wakers[p][e] = w < m->n ? to[w] : w;
		}
		for (uint32_t e = 0; e < m->nodes[i].owners.n; e++) {
			uint32_t w = m->owners[i][m->nodes[i].owners.n - 1 - e];
			other.owners[p][e] = w < m->n ? to[w] : w;
		}
	}
	uint8_t a[NODES_MAX], b[NODES_MAX];
	judge_into(m, a);
	judge_into(&other, b);
	for (uint32_t i = 0; i < m->n; i++) {
		if (a[i] != b[to[i]])
			return "another order of the same graph is judged differently";
	}
	return NULL;
}

/* ---- corrupted certificates -------------------------------------------------------------------------------------------- */

/* Makes one certificate false.  false: this kind does not apply here. */
static bool corrupt(struct hd_certificate *cert, struct model *m, const struct hd_judgement *j, struct tr *r, struct hd_arena *arena)
{
	uint32_t i = tr_below(r, cert->n);
	struct hd_claim *claim = &cert->at[i];
	uint32_t *list = hd_arena_dup(arena, claim->wakers.at, (claim->wakers.n + 1) * sizeof(uint32_t));
	switch (tr_below(r, 7)) {
	case 0: /* somebody who can go on */
		for (uint32_t k = 0; k < m->n; k++) {
			if (j->certainty[k] != HD_CERT_NONE)
				continue;
			bool by_owner = m->nodes[k].has_owner && tr_one_in(r, 2);
			cert->at[cert->n++] = (struct hd_claim){.thread = k,
								.certainty = HD_CERT_OWNED,
								.by_owner = by_owner,
								.wakers = by_owner ? m->nodes[k].owners : m->nodes[k].wakers};
			return true;
		}
		return false;
	case 1: /* more certain than it is */
		if (claim->certainty != HD_CERT_OWNED)
			return false;
		claim->certainty = HD_CERT_PROVEN;
		claim->by_owner = tr_one_in(r, 2);
		claim->wakers = claim->by_owner ? m->nodes[claim->thread].owners : m->nodes[claim->thread].wakers;
		return true;
	case 2: /* a waker left out */
		if (claim->wakers.n == 0)
			return false;
		claim->wakers.n--;
		return true;
	case 3: /* a waker replaced */
		if (claim->wakers.n == 0)
			return false;
		list[tr_below(r, claim->wakers.n)] ^= 1u << tr_below(r, 5);
		claim->wakers.at = list;
		return true;
	case 4: /* twice the same */
		cert->at[cert->n] = *claim;
		cert->n++;
		return true;
	case 5: /* nobody */
		claim->thread = m->n + tr_below(r, 3);
		return true;
	default: /* one that others rely on is missing */
		for (uint32_t k = 0; k < cert->n; k++) {
			for (uint32_t e = 0; k != i && e < cert->at[k].wakers.n; e++) {
				if (cert->at[k].wakers.at[e] == claim->thread) {
					*claim = cert->at[--cert->n];
					return true;
				}
			}
		}
		return false;
	}
}

/* 1: refused as it should be, 0: does not apply, -1: accepted. */
static int false_certificate_refused(struct model *m, struct tr *r)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_graph graph = graph_of(m);
	struct hd_judgement j = hd_judge(&graph, arena);
	struct hd_certificate cert = hd_certificate_make(&graph, &j, arena);
	struct hd_claim *room = HD_NEW_N(arena, cert.n + 1, struct hd_claim);
	memcpy(room, cert.at, cert.n * sizeof(*room));
	cert.at = room;
	int result = 0;
	if (cert.n > 0 && corrupt(&cert, m, &j, r, arena))
		result = hd_certificate_check(&graph, &cert) ? -1 : 1;
	hd_arena_free(arena);
	return result;
}

/* ---- cases -------------------------------------------------------------------------------------------------------------- */

static uint32_t random_edges(struct tr *r, uint32_t n, uint32_t *at)
{
	uint32_t count = tr_below(r, EDGES_MAX < n + 2 ? EDGES_MAX : n + 2);
	for (uint32_t e = 0; e < count; e++)
		at[e] = tr_one_in(r, 60) ? n + tr_below(r, 3) : tr_below(r, n);
	return count;
}

/* Few seeds of life and few edges, so that a good part of the nodes is dead. */
static void random_model(struct model *m, struct tr *r)
{
	memset(m, 0, sizeof(*m));
	m->n = tr_one_in(r, 4) ? tr_below(r, NODES_MAX + 1) : tr_below(r, 7);
	m->truncated = tr_one_in(r, 100);
	uint32_t rare = 2 + tr_below(r, 30);
	for (uint32_t i = 0; i < m->n; i++) {
		struct hd_node *node = &m->nodes[i];
		node->is_live = tr_one_in(r, rare);
		node->has_outside = tr_one_in(r, rare);
		node->has_deadline = tr_one_in(r, rare);
		node->has_owner = tr_one_in(r, 3);
		node->owner_outside = tr_one_in(r, rare);
		node->wakers.n = random_edges(r, m->n, m->wakers[i]);
		node->owners.n = tr_one_in(r, 2) ? random_edges(r, m->n, m->owners[i]) : 0;
	}
}

/* Smaller graphs that still fail: without nodes (they become dead ends that nobody names), edges and flags. */
static void shrink(struct model *m)
{
	for (bool again = true; again;) {
		again = false;
		for (uint32_t i = 0; i < m->n; i++) {
			uint32_t *counts[] = {&m->nodes[i].wakers.n, &m->nodes[i].owners.n};
			bool *flags[] = {&m->nodes[i].is_live, &m->nodes[i].has_outside, &m->nodes[i].has_deadline,
					 &m->nodes[i].has_owner, &m->nodes[i].owner_outside};
			struct model before = *m;
			for (size_t k = 0; k < HD_COUNTOF(counts); k++) {
				while (*counts[k] > 0) {
					--*counts[k];
					if (same_as_oracle(m) == NULL) {
						++*counts[k];
						break;
					}
				}
			}
			for (size_t k = 0; k < HD_COUNTOF(flags); k++) {
				bool old = *flags[k];
				*flags[k] = false;
				if (same_as_oracle(m) == NULL)
					*flags[k] = old;
			}
			again = again || memcmp(&before, m, sizeof(before)) != 0;
		}
		while (m->n > 1) {
			m->n--;
			if (same_as_oracle(m) == NULL) {
				m->n++;
				break;
			}
		}
	}
}

static void print_edges(const char *name, const uint32_t *at, uint32_t n)
{
	printf(" %s[", name);
	for (uint32_t e = 0; e < n; e++)
		printf("%s%u", e > 0 ? " " : "", at[e]);
	printf("]");
}

static void print_model(const struct model *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const struct hd_node *node = &m->nodes[i];
		printf("  %u:%s%s%s", i, node->is_live ? " live" : "", node->has_outside ? " outside" : "",
		       node->has_deadline ? " deadline" : "");
		print_edges("wakers", m->wakers[i], node->wakers.n);
		if (node->has_owner)
			print_edges(node->owner_outside ? "owners+outside" : "owners", m->owners[i], node->owners.n);
		printf("\n");
	}
}

struct tally {
	uint64_t passed, failed, corrupted, dead;
};

static void count(struct tally *tally, const char *why, struct model *m, uint64_t seed)
{
	if (why == NULL) {
		tally->passed++;
		return;
	}
	if (tally->failed++ >= 3)
		return;
	printf("prop_judge: seed %llu: %s\n", (unsigned long long)seed, why);
	if (same_as_oracle(m) != NULL)
		shrink(m);
	print_model(m);
}

static void run_random(struct tally *tally, uint64_t seed)
{
	struct tr r = {.state = seed * 7919 + 1};
	struct model m;
	random_model(&m, &r);
	uint8_t dead[NODES_MAX];
	oracle(&m, dead);
	for (uint32_t i = 0; i < m.n; i++)
		tally->dead += dead[i] != HD_CERT_NONE;
	const char *why = same_as_oracle(&m);
	if (why == NULL)
		why = is_monotone(&m, &r);
	if (why == NULL)
		why = is_order_free(&m, &r);
	int refused = why == NULL ? false_certificate_refused(&m, &r) : 0;
	tally->corrupted += refused == 1;
	if (refused < 0)
		why = "a corrupted certificate is accepted";
	count(tally, why, &m, seed);
}

/* One node of an exhaustive graph: `code` counts through seeds, wakers and owners. */
static void decode_node(struct model *m, uint32_t i, uint32_t code, bool with_self)
{
	uint32_t targets[NODES_MAX], n = 0;
	for (uint32_t k = 0; k < m->n; k++) {
		if (with_self || k != i)
			targets[n++] = k;
	}
	struct hd_node *node = &m->nodes[i];
	*node = (struct hd_node){.has_outside = code % 2};
	code /= 2;
	for (uint32_t k = 0; k < n; k++) {
		if ((code >> k & 1) != 0)
			m->wakers[i][node->wakers.n++] = targets[k];
	}
	code >>= n;
	node->has_owner = code > 0;
	for (uint32_t k = 0; code > 0 && k < n; k++) {
		if (((code - 1) >> k & 1) != 0)
			m->owners[i][node->owners.n++] = targets[k];
	}
}

static void run_exhaustive(struct tally *tally, uint32_t n, bool with_self)
{
	uint32_t sets = 1u << (with_self ? n : n - 1), per_node = 2 * sets * (1 + sets);
	uint64_t total = 1;
	for (uint32_t i = 0; i < n; i++)
		total *= per_node;
	for (uint64_t c = 0; c < total; c++) {
		struct model m = {.n = n};
		uint64_t code = c;
		for (uint32_t i = 0; i < n; i++, code /= per_node)
			decode_node(&m, i, (uint32_t)(code % per_node), with_self);
		uint8_t a[NODES_MAX], b[NODES_MAX];
		oracle(&m, a);
		oracle_sets(&m, b);
		const char *why = memcmp(a, b, n) != 0 ? "the oracles differ" : same_as_oracle(&m);
		count(tally, why, &m, c);
	}
}

/* Printed, never judged: what a large graph costs here. */
static void print_cost(uint32_t n, uint32_t edges_each)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_node *nodes = HD_NEW_N(arena, n, struct hd_node);
	struct tr r = {.state = 1};
	for (uint32_t i = 0; i < n; i++) {
		uint32_t *at = HD_NEW_N(arena, edges_each, uint32_t);
		for (uint32_t e = 0; e < edges_each; e++)
			at[e] = tr_below(&r, n);
		nodes[i].wakers = (struct hd_edges){at, edges_each};
	}
	struct hd_graph graph = {.nodes = nodes, .n = n};
	struct timespec start, end;
	clock_gettime(CLOCK_MONOTONIC, &start);
	struct hd_judgement j = hd_judge(&graph, arena);
	struct hd_certificate cert = hd_certificate_make(&graph, &j, arena);
	bool ok = hd_certificate_check(&graph, &cert);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("prop_judge: %u threads with %u edges judged and certified in %.1f ms (%s)\n", n, n * edges_each,
	       (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6, ok ? "accepted" : "refused");
	hd_arena_free(arena);
}

int main(void)
{
	uint64_t n = tr_env("HD_PROP_N", 200000), first = tr_env("HD_PROP_SEED", 1);
	struct tally tally = {0};
	for (uint32_t k = 1; k <= 2; k++)
		run_exhaustive(&tally, k, true);
	run_exhaustive(&tally, 3, n >= 1000000); /* with self-edges 3 million graphs */
	uint64_t exhaustive = tally.passed + tally.failed;
	for (uint64_t seed = first; seed < first + n; seed++)
		run_random(&tally, seed);
	printf("prop_judge: %llu graphs of up to 3 nodes, %llu random graphs with %llu dead nodes, %llu corrupted certificates refused\n",
	       (unsigned long long)exhaustive, (unsigned long long)n, (unsigned long long)tally.dead,
	       (unsigned long long)tally.corrupted);
	print_cost(10000, 10);
	printf("prop_judge: %llu passed, %llu failed\n", (unsigned long long)tally.passed, (unsigned long long)tally.failed);
	return tally.failed > 0;
}
