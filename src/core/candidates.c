#include "core/lookup.h"
#include "hangdog/judge.h"
#include "hangdog/vec.h"
#include "hangdog/verdict.h"

/* The hopeful question before the expensive one: could this thread be dead, if everything that was not looked up yet
 * turned out closed?  Errs only towards "worth a look". */

#define PYTHON_PATIENCE_NS HD_NS_PER_S

/* Values that waiters for a lock with an owner pass: glibc and Rust 2, rwlock 2 and 3, owner numbers with or without the
 * waiters bit; plain wake-up words (semaphore, condition) pass small counters, mostly 0 (reference: locks.md 2.1). */
static bool may_have_owner(const struct hd_snapshot *snap, const struct hd_thread *th, const struct hd_call *call)
{
	uint32_t v = call->futex_expected;
	if (call->futex_addr == 0 || call->futex_pi || v == 2 || v == 3 || v > 0xff)
		return true;
	/* An owner behind a Python RLock shows only in memory; idle pools look the same, so not at first sight. */
	return snap->procs[th->proc].python != NULL && th->blocked_ns >= PYTHON_PATIENCE_NS;
}

struct sketch {
	const struct hd_snapshot *snap;
	struct hd_lookup lookup;
	struct hd_node *nodes; /* threads, then one group a process */
	uint32_t *iota;
	struct hd_arena *arena;
};

static struct hd_edges group_of(struct sketch *s, uint32_t p)
{
	return (struct hd_edges){&s->iota[s->snap->n_threads + p], 1};
}

static struct hd_edges groups_of_children(struct sketch *s, uint32_t t)
{
	uint32_t p = s->snap->threads[t].proc;
	struct hd_wait wait = hd_classify(s->snap, t, s->arena);
	uint32_t named = hd_lookup_child(s->snap, &s->lookup, p, &wait);
	if (named != HD_NONE)
		return group_of(s, named);
	if (wait.child_pid > 0 && wait.child_idtype <= 1)
		return (struct hd_edges){0}; /* one of them, numbered in a namespace that was not looked up */
	struct hd_keys kids = hd_keys_find(&s->lookup.by_parent, p);
	uint32_t *at = HD_NEW_N(s->arena, kids.n, uint32_t), n = 0;
	for (uint32_t i = 0; i < kids.n; i++) {
		if (wait.kind != HD_WAIT_VFORK || s->snap->procs[kids.at[i].index].mm == s->snap->procs[p].mm)
			at[n++] = s->snap->n_threads + kids.at[i].index;
	}
	return (struct hd_edges){at, n};
}

static struct hd_node sketch_thread(struct sketch *s, uint32_t t)
{
	const struct hd_thread *th = &s->snap->threads[t];
	if (hd_thread_ended(th))
		return (struct hd_node){0};
	if (!th->is_still || !th->call_known || (th->state != 'S' && th->state != 'D'))
		return (struct hd_node){.is_live = true};
	struct hd_call call = hd_call_decode(th->abi, th->nr, th->args, th->was_restart);
	struct hd_node node = {.has_outside = call.outside != NULL || (th->state == 'D' && call.need != HD_NEED_VFORK),
			       .has_deadline = th->has_timeout == HD_YES || !call.is_unbounded};
	if (call.need == HD_NEED_FUTEX && call.futex_private && !may_have_owner(s->snap, th, &call))
		node.wakers = group_of(s, th->proc);
	else if (call.need == HD_NEED_CHILDREN || call.need == HD_NEED_VFORK)
		node.wakers = groups_of_children(s, t);
	return node;
}

static bool is_poller(const struct hd_snapshot *snap, uint32_t t, const struct hd_node *node)
{
	const struct hd_thread *th = &snap->threads[t];
	if (node->is_live || node->has_outside || !node->has_deadline)
		return false;
	enum hd_need need = hd_call_decode(th->abi, th->nr, th->args, th->was_restart).need;
	return need != HD_NEED_TIME && need != HD_NEED_NOTHING;
}

uint32_t hd_candidates(const struct hd_snapshot *snap, uint8_t *candidate)
{
	struct hd_arena *arena = hd_arena_new();
	uint32_t n = snap->n_threads + snap->n_procs, found = 0;
	struct sketch s = {.snap = snap, .lookup = hd_lookup_make(snap, arena), .arena = arena};
	s.nodes = HD_NEW_N(arena, n, struct hd_node);
	s.iota = HD_NEW_N(arena, n, uint32_t);
	for (uint32_t i = 0; i < n; i++)
		s.iota[i] = i;
	for (uint32_t t = 0; t < snap->n_threads; t++)
		s.nodes[t] = sketch_thread(&s, t);
	for (uint32_t p = 0; p < snap->n_procs; p++)
		s.nodes[snap->n_threads + p].wakers = (struct hd_edges){s.iota + snap->procs[p].first_thread, snap->procs[p].n_threads};
	struct hd_graph graph = {.nodes = s.nodes, .n = n};
	struct hd_judgement j = hd_judge(&graph, arena);
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		candidate[t] = j.certainty[t] != HD_CERT_NONE && !hd_thread_ended(&snap->threads[t]);
		found += candidate[t];
	}
	/* Where somebody may be dead, those that look at others from time to time may be starved by it. */
	for (uint32_t t = 0; found > 0 && t < snap->n_threads; t++)
		candidate[t] |= is_poller(snap, t, &s.nodes[t]);
	hd_arena_free(arena);
	return found;
}
