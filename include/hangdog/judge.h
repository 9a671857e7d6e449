/* The proof: an abstract OR-wait graph in, the set that can never go on out (proof.md section 3).
 *
 * Node = thread, or a group of threads that many waiters share as wakers (so that 10,000 threads of one memory do not
 * make 10^8 edges): a group is never live by itself and can go on if some member can.  A node is revivable if it is live, its wait has an outside or a time limit, or some waker of it is
 * revivable.  Dead = the rest: the greatest set in which everyone waits for members only.  Pure, linear in edges,
 * no globals; judged twice: once by kernel facts (proven), once with owners in place of wakers (owned). */
#ifndef HANGDOG_JUDGE_H
#define HANGDOG_JUDGE_H

#include "hangdog/arena.h"

struct hd_edges {
	const uint32_t *at;
	uint32_t n;
};

struct hd_node {
	bool is_live;        /* not still, or not fully known */
	bool has_outside;    /* somebody unseen could end its wait */
	bool has_deadline;
	struct hd_edges wakers; /* by kernel facts */
	/* By ownership, used by the second run where has_owner: an owner list of length 0 means that nobody is left who
	 * could release it.  A believable owner only (core/graph decides that). */
	bool has_owner;
	bool owner_outside;  /* as has_outside, for the second run: what ends the wait even if only owners release */
	struct hd_edges owners;
};

struct hd_graph {
	const struct hd_node *nodes;
	uint32_t n;
	bool truncated; /* a cap was hit: nothing is dead */
};

enum hd_certainty { HD_CERT_NONE = 0, HD_CERT_SUSPECTED, HD_CERT_OWNED, HD_CERT_PROVEN };
const char *hd_certainty_name(enum hd_certainty c); /* "proven", ...; NULL for none */

struct hd_judgement {
	uint8_t *certainty; /* per node: HD_CERT_NONE, HD_CERT_OWNED or HD_CERT_PROVEN */
	uint32_t n, n_proven, n_owned; /* n_owned: those that are owned and not proven */
};

/* Edge targets out of range are treated as outside.  Allocates from arena only. */
struct hd_judgement hd_judge(const struct hd_graph *graph, struct hd_arena *arena);

/* The certificate: for each dead thread its complete list of possible wakers and by which rule.  It is checked by code
 * that knows nothing of the search.  All in the arena. */
struct hd_claim {
	uint32_t thread;
	enum hd_certainty certainty;
	bool by_owner;          /* wakers are owners */
	struct hd_edges wakers; /* each must be claimed too, with at least this certainty */
};
struct hd_certificate {
	struct hd_claim *at;
	uint32_t n;
};
struct hd_certificate hd_certificate_make(const struct hd_graph *graph, const struct hd_judgement *j, struct hd_arena *arena);
/* True if every claim follows from the graph.  Independent of hd_judge. */
HD_MUST_CHECK bool hd_certificate_check(const struct hd_graph *graph, const struct hd_certificate *cert);

#endif
