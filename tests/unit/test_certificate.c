#include <criterion/criterion.h>

#include "hangdog/judge.h"

static const uint32_t to0[] = {0}, to1[] = {1}, to01[] = {0, 1};

/* 0 and 1 wait for each other; 2 could be woken by 0 or 1, but time ends its wait. */
static const struct hd_node nodes[] = {{.wakers = {to1, 1}}, {.wakers = {to0, 1}}, {.has_deadline = true, .wakers = {to01, 2}}};
static const struct hd_graph graph = {.nodes = nodes, .n = 3};

static bool accepts(struct hd_claim *claims, uint32_t n)
{
	struct hd_certificate cert = {.at = claims, .n = n};
	return hd_certificate_check(&graph, &cert);
}

#define CLAIM(t, w) {.thread = t, .certainty = HD_CERT_PROVEN, .wakers = {w, HD_COUNTOF(w)}}

Test(certificate, claims_that_follow_from_the_graph_are_accepted, .timeout = 10)
{
	struct hd_claim claims[] = {CLAIM(0, to1), CLAIM(1, to0)};
	cr_expect(accepts(claims, 2));
	cr_expect(accepts(NULL, 0), "nothing claimed, nothing wrong");
	claims[0].certainty = claims[1].certainty = HD_CERT_OWNED;
	cr_expect(accepts(claims, 2), "less than what is true");
}

Test(certificate, anything_else_is_refused, .timeout = 10)
{
	struct hd_claim alone[] = {CLAIM(0, to1)};
	cr_expect_not(accepts(alone, 1), "its waker is not claimed");
	struct hd_claim other[] = {CLAIM(0, to0), CLAIM(1, to0)};
	cr_expect_not(accepts(other, 2), "not its wakers");
	struct hd_claim less[] = {{.thread = 0, .certainty = HD_CERT_PROVEN}, CLAIM(1, to0)};
	cr_expect_not(accepts(less, 2), "a waker is left out");
	struct hd_claim timed[] = {CLAIM(0, to1), CLAIM(1, to0), CLAIM(2, to01)};
	cr_expect_not(accepts(timed, 3), "time ends the third wait");
	struct hd_claim twice[] = {CLAIM(0, to1), CLAIM(0, to1), CLAIM(1, to0)};
	cr_expect_not(accepts(twice, 3), "claimed twice");
	struct hd_claim nobody[] = {CLAIM(7, to1)};
	cr_expect_not(accepts(nobody, 1), "out of range");
	struct hd_claim vague[] = {CLAIM(0, to1), CLAIM(1, to0)};
	vague[1].certainty = HD_CERT_SUSPECTED;
	cr_expect_not(accepts(vague, 2), "suspicion is no claim");
	struct hd_claim weak[] = {CLAIM(0, to1), CLAIM(1, to0)};
	weak[1].certainty = HD_CERT_OWNED;
	cr_expect_not(accepts(weak, 2), "proven by one that is only owned");
	struct hd_claim owned[] = {CLAIM(0, to1), CLAIM(1, to0)};
	owned[0].by_owner = true;
	cr_expect_not(accepts(owned, 2), "no owner in the graph");
	struct hd_graph cut = graph;
	cut.truncated = true;
	struct hd_claim good[] = {CLAIM(0, to1), CLAIM(1, to0)};
	struct hd_certificate cert = {.at = good, .n = 2};
	cr_expect_not(hd_certificate_check(&cut, &cert), "a graph that was cut proves nothing");
}
