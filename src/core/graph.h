/* From classified waits to the abstract graph: who could wake whom (proof.md section 2).
 *
 * Nodes 0..n_threads-1 are the threads of the snapshot in their order; above them come groups: "the threads of this
 * process", "whoever holds this pipe", which all waiters on the same thing share.  Linear in the snapshot. */
#ifndef HANGDOG_CORE_GRAPH_H
#define HANGDOG_CORE_GRAPH_H

#include "core/lookup.h"
#include "core/owner.h"
#include "hangdog/judge.h"
#include "hangdog/verdict.h"

/* `waits` gets the outsides that only the wakers show: who holds the object, what could not be read. */
struct hd_graph hd_graph_make(const struct hd_snapshot *snap, const struct hd_lookup *lookup, struct hd_wait *waits,
			      const struct hd_owner *owners, struct hd_arena *arena);

/* The threads behind the wakers of each thread, groups resolved.  A list may include the waiter itself (its own group);
 * nobody wakes itself.  Lists are shared; past a bound on their total length later ones are left empty. */
void hd_graph_flatten(const struct hd_graph *graph, uint32_t n_threads, struct hd_edges *ret_wakers, struct hd_arena *arena);

#endif
