#include "hangdog/verdict.h"

#include "core/explain.h"
#include "core/graph.h"
#include "core/lookup.h"
#include "core/owner.h"

static const char *const cause_names[] = {
#define X(c, name) [c] = name,
	HD_CAUSES(X)
#undef X
};
static const char *const verdict_names[] = {[HD_VERDICT_NONE] = "none", [HD_VERDICT_STALL] = "stall", [HD_VERDICT_DEADLOCK] = "deadlock"};
static const char *const scope_names[] = {[HD_SCOPE_NONE] = NULL, [HD_SCOPE_PARTIAL] = "partial", [HD_SCOPE_PROCESS] = "process"};
static const char *const status_names[] = {[HD_STATUS_ALIVE] = "alive",
					   [HD_STATUS_DEADLOCKED] = "deadlocked",
					   [HD_STATUS_WAITING] = "waiting-on-deadlock",
					   [HD_STATUS_STOPPED] = "stopped",
					   [HD_STATUS_EXITED] = "exited"};
static const char *const certainty_names[] = {[HD_CERT_NONE] = NULL,
					      [HD_CERT_SUSPECTED] = "suspected",
					      [HD_CERT_OWNED] = "owned",
					      [HD_CERT_PROVEN] = "proven"};

const char *hd_cause_name(enum hd_cause cause)
{
	return cause_names[cause];
}

const char *hd_verdict_name(enum hd_verdict_kind kind)
{
	return verdict_names[kind];
}

const char *hd_scope_name(enum hd_scope scope)
{
	return scope_names[scope];
}

const char *hd_status_name(enum hd_status status)
{
	return status_names[status];
}

const char *hd_certainty_name(enum hd_certainty c)
{
	return certainty_names[c];
}

/* Handlers that programs use among themselves: a thread of the tree that can go on may send such a signal, and the handler
 * may post or throw; some are also chosen for the end of a clone or of a parent (PR_SET_PDEATHSIG).  Not SIGINT and SIGTERM,
 * which come from an operator (an assumption that the verdict names), nor what the kernel sends: faults, SIGPIPE, SIGCHLD
 * (the graph has its source), SIGURG and SIGIO (classify has), nor those of profilers, SIGVTALRM and SIGPROF. */
#define SIGNAL_BIT(n) (UINT64_C(1) << ((n)-1))
#define SIGNALS_AMONG_PROGRAMS                                                                                     \
	(SIGNAL_BIT(10) | SIGNAL_BIT(12) | SIGNAL_BIT(14) | SIGNAL_BIT(16) | SIGNAL_BIT(18) | /* USR1, USR2, ALRM, STKFLT, CONT */ \
	 SIGNAL_BIT(20) | SIGNAL_BIT(21) | SIGNAL_BIT(22) | SIGNAL_BIT(24) | SIGNAL_BIT(25) | /* TSTP, TTIN, TTOU, XCPU, XFSZ */  \
	 SIGNAL_BIT(28) | SIGNAL_BIT(30) | ~(SIGNAL_BIT(34) - 1)) /* WINCH, PWR, real time */

/* What a parent sends to end or reload its children.  Many programs catch these for their own ends while they hang in a
 * lock, so they count only for a wait that a handler can plausibly answer: `stop = Event(); signal(SIGTERM, lambda *a:
 * stop.set()); stop.wait()` is how a worker waits for its end (docs/decisions/0010-signals-from-relatives.md). */
#define SIGNALS_TO_END (SIGNAL_BIT(1) | SIGNAL_BIT(3) | SIGNAL_BIT(15)) /* HUP, QUIT, TERM */

/* A semaphore or the like that nobody is known to hold: it may be an event that a handler sets.  sem_post is what a C
 * handler may call, for any thread; Python runs its handlers in the main thread, which then wakes the others; and words of
 * no known kind, of pools and runtimes, are taken for an event in the main thread only. */
static bool may_be_event(const struct hd_snapshot *snap, const struct hd_thread *th)
{
	const struct hd_lock *lock = &th->lock;
	bool is_main = th->tid == snap->procs[th->proc].pid;
	bool is_kind = lock->kind == HD_LOCK_SEMAPHORE || (is_main && (lock->kind == HD_LOCK_UNKNOWN || lock->kind == HD_LOCK_PYTHON));
	return th->n_words != 0 && is_kind && lock->owner_tid == 0 && lock->owner_tcb == 0 && lock->held_at_fork != HD_YES;
}

#define EPOLL_DEPTH_MAX 5 /* sets in sets (fs/eventpoll.c EP_MAX_NESTS), one more */

/* Can process p itself make this descriptor readable?  Then a handler of its own can: the self-pipe trick. */
static bool is_fed_by(const struct hd_snapshot *snap, uint32_t o, uint32_t p, unsigned depth)
{
	const struct hd_object *ob = &snap->objects[o];
	bool is_pair = ob->kind == HD_OBJ_UNIX && ob->peer != HD_NONE;
	const struct hd_object *end = is_pair ? &snap->objects[ob->peer] : ob;
	if (ob->kind == HD_OBJ_EPOLL) {
		for (uint32_t i = 0; i < ob->n_watched && depth < EPOLL_DEPTH_MAX; i++) {
			if (is_fed_by(snap, ob->watched[i], p, depth + 1))
				return true;
		}
		return false;
	}
	if (!is_pair && ob->kind != HD_OBJ_PIPE && ob->kind != HD_OBJ_FIFO && ob->kind != HD_OBJ_EVENTFD)
		return false;
	for (uint32_t i = 0; i < end->n_holders; i++) {
		if (end->holders[i].proc == p && end->holders[i].writes)
			return true;
	}
	return false;
}

static bool may_feed_itself(const struct hd_snapshot *snap, const struct hd_thread *th)
{
	for (uint32_t i = 0; i < th->n_objects && !th->objects_want_write; i++) {
		if (is_fed_by(snap, th->objects[i], th->proc, 0))
			return true;
	}
	return false;
}

static bool handles_program_signal(const struct hd_snapshot *snap, uint32_t t)
{
	const struct hd_thread *th = &snap->threads[t];
	uint64_t signals = SIGNALS_AMONG_PROGRAMS | (may_be_event(snap, th) || may_feed_itself(snap, th) ? SIGNALS_TO_END : 0);
	return (snap->procs[th->proc].sig_caught & ~th->sig_blocked & signals) != 0;
}

static bool does_anybody_live(const struct hd_snapshot *snap, const struct hd_judgement *j, enum hd_certainty level)
{
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		if (snap->procs[snap->threads[t].proc].in_tree && j->certainty[t] < level && !hd_thread_ended(&snap->threads[t]))
			return true;
	}
	return false;
}

/* Somebody of the tree can go on: whoever handles a program's signal has an outside then.  Equal to an edge from each of
 * them to every thread of the tree, but the explanation stays about what the thread really waits for.  Where an owner
 * stands in place of the wakers nothing changes: a handler does not release what another thread holds.  Who is dead only
 * because such an owner is (level HD_CERT_OWNED) hears signals like everybody else. */
static void open_to_signals(const struct hd_snapshot *snap, struct hd_verdict *v, struct hd_wait *waits, enum hd_certainty level,
			    struct hd_arena *arena)
{
	struct hd_judgement j = hd_judge(&v->graph, arena);
	if (!does_anybody_live(snap, &j, level))
		return;
	struct hd_node *nodes = hd_arena_dup(arena, v->graph.nodes, v->graph.n * sizeof(*nodes));
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		if (j.certainty[t] < level || !handles_program_signal(snap, t))
			continue;
		nodes[t].has_outside = true;
		if (waits[t].outside == NULL)
			waits[t].outside = "a process of the tree that can go on may send it a signal that it handles";
	}
	v->graph.nodes = nodes;
}

/* Waits, owners, graph: everything that is known before judging. */
static void observe(const struct hd_snapshot *snap, struct hd_verdict *v, struct hd_arena *arena)
{
	struct hd_lookup lookup = hd_lookup_make(snap, arena);
	struct hd_wait *waits = HD_NEW_N(arena, snap->n_threads, struct hd_wait);
	struct hd_owner *owners = HD_NEW_N(arena, snap->n_threads, struct hd_owner);
	struct hd_edges *wakers = HD_NEW_N(arena, snap->n_threads, struct hd_edges);
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		waits[t] = hd_classify(snap, t, arena);
		owners[t] = hd_owner_find(snap, &lookup, t);
	}
	v->graph = hd_graph_make(snap, &lookup, waits, owners, arena);
	open_to_signals(snap, v, waits, HD_CERT_PROVEN, arena);
	open_to_signals(snap, v, waits, HD_CERT_OWNED, arena);
	hd_graph_flatten(&v->graph, snap->n_threads, wakers, arena);
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		v->threads[t] = (struct hd_thread_verdict){
			.wait = waits[t], .owner = owners[t], .wakers = wakers[t], .root = HD_NONE};
	}
}

/* The verdict goes by the claims that were checked, not by the search that made them. */
static void judge(const struct hd_snapshot *snap, struct hd_verdict *v, struct hd_arena *arena)
{
	struct hd_judgement j = hd_judge(&v->graph, arena);
	v->certificate = hd_certificate_make(&v->graph, &j, arena);
	v->certificate_ok = hd_certificate_check(&v->graph, &v->certificate);
	for (uint32_t i = 0; v->certificate_ok && i < v->certificate.n; i++) {
		const struct hd_claim *claim = &v->certificate.at[i];
		if (claim->thread < snap->n_threads)
			v->threads[claim->thread].certainty = claim->certainty;
	}
}

static struct hd_verdict *decide(const struct hd_snapshot *snap, struct hd_arena *arena)
{
	struct hd_verdict *v = HD_NEW(arena, struct hd_verdict);
	v->lead = HD_NONE;
	v->threads = HD_NEW_N(arena, snap->n_threads, struct hd_thread_verdict);
	v->procs = HD_NEW_N(arena, snap->n_procs, struct hd_proc_verdict);
	observe(snap, v, arena);
	judge(snap, v, arena);
	hd_explain(snap, v, arena);
	return v;
}

/* Nothing is proven; would it be, if whoever could not be looked into had no part in it? */
static const char *find_unseen(const struct hd_snapshot *snap, struct hd_arena *arena)
{
	struct hd_snapshot closed = *snap;
	const char *why = NULL;
	closed.objects = hd_arena_dup(arena, snap->objects, snap->n_objects * sizeof(*snap->objects));
	for (uint32_t o = 0; o < snap->n_objects; o++) {
		if (!snap->objects[o].is_unseen)
			continue;
		why = snap->objects[o].outside;
		closed.objects[o].outside = NULL;
	}
	return why != NULL && decide(&closed, arena)->kind == HD_VERDICT_DEADLOCK ? why : NULL;
}

struct hd_verdict *hd_decide(const struct hd_snapshot *snap, struct hd_arena *arena)
{
	struct hd_verdict *v = decide(snap, arena);
	if (v->kind == HD_VERDICT_NONE)
		v->unseen = find_unseen(snap, arena);
	return v;
}

/* ---- stall ------------------------------------------------------------------------------------------------------------ */

static int64_t waited_ns(const struct hd_thread *th)
{
	return th->is_still ? th->blocked_ns : th->repeat_ns;
}

/* Which wait says most about a tree in which nothing moves: a copy that lost its threads at the fork and goes back to the
 * same wait each time it wakes up (JAX and gRPC poll like that), then any thread of such a copy that waits for more than a
 * child, then all others; a parent that waits for its child says least. */
static unsigned telling(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_proc *pr = &snap->procs[th->proc];
	if (v->threads[t].wait.kind == HD_WAIT_CHILD)
		return 0;
	if (!hd_fork_lost_threads(hd_proc_fork(pr)) || th->tid != pr->pid)
		return 1;
	return th->repeat_ns > 0 ? 3 : 2;
}

static uint32_t most_telling_wait(const struct hd_snapshot *snap, const struct hd_verdict *v)
{
	uint32_t best = HD_NONE;
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		const struct hd_thread *th = &snap->threads[t];
		if (!snap->procs[th->proc].in_tree || (!th->is_still && th->repeat_ns == 0) || v->threads[t].wait.kind == HD_WAIT_NONE)
			continue;
		if (best == HD_NONE) {
			best = t;
			continue;
		}
		unsigned rank = telling(snap, v, t), rank_best = telling(snap, v, best);
		if (rank != rank_best ? rank > rank_best : waited_ns(th) > waited_ns(&snap->threads[best]))
			best = t;
	}
	return best;
}

void hd_verdict_stall(const struct hd_snapshot *snap, struct hd_verdict *v, int64_t stall_ns, struct hd_arena *arena)
{
	if (v->kind != HD_VERDICT_NONE)
		return;
	uint32_t lead = most_telling_wait(snap, v);
	v->kind = HD_VERDICT_STALL;
	v->certainty = HD_CERT_SUSPECTED;
	v->cause = HD_CAUSE_UNKNOWN;
	v->scope = HD_SCOPE_PROCESS;
	v->lead = lead;
	v->culprits = HD_NEW_N(arena, 1, uint32_t);
	v->blocked_ns = stall_ns;
	v->summary = hd_summary_stall(snap, v, lead, stall_ns, arena);
	v->signature = "stall";
	if (lead == HD_NONE)
		return;
	v->culprits[v->n_culprits++] = snap->threads[lead].proc;
	v->signature = hd_signature(snap, v, lead, arena);
}
