#include "core/graph.h"

#include "hangdog/vec.h"

#define SIGCHLD_BIT (UINT64_C(1) << 16)
#define PI_TID_MASK 0x3fffffffu
/* The kernel nests epoll sets at most 4 deep (fs/eventpoll.c EP_MAX_NESTS). */
#define EPOLL_DEPTH_MAX 5

/* Which holders of an object can end a wait on it. */
enum side { SIDE_WRITERS = 0, SIDE_ALL, SIDE_COUNT };

struct builder {
	const struct hd_snapshot *snap;
	const struct hd_lookup *lookup;
	struct hd_wait *waits;
	const struct hd_owner *owners;
	struct hd_arena *arena;
	HD_VEC(struct hd_node) nodes;
	HD_VEC(const char *) reasons; /* of nodes: why a group is not closed, NULL = it is */
	uint32_t *iota;               /* 0, 1, 2, ...: the threads of a process are a slice of it */
	/* Groups made so far, HD_NONE = not yet. */
	uint32_t *proc_group, *mm_group, *kids_group, *below_group, *object_group[SIDE_COUNT];
};

/* A set of wakers being collected, and the first reason why it is not complete. */
struct set {
	HD_VEC(uint32_t) at;
	const char *why;
};

static void set_release(struct set *set)
{
	HD_VEC_RELEASE(&set->at);
}
#define CLEAN_SET HD_CLEAN(set_release)

static void set_outside(struct set *set, const char *why)
{
	if (set->why == NULL)
		set->why = why;
}

static void set_add(struct builder *b, struct set *set, uint32_t node)
{
	HD_VEC_PUSH(&set->at, node);
	if (b->reasons.at[node] != NULL)
		set_outside(set, b->reasons.at[node]);
}

static struct hd_edges set_edges(struct builder *b, const struct set *set)
{
	if (set->at.n == 0)
		return (struct hd_edges){0};
	return (struct hd_edges){hd_arena_dup(b->arena, set->at.at, set->at.n * sizeof(uint32_t)), (uint32_t)set->at.n};
}

static uint32_t group_push(struct builder *b, struct hd_edges members, const char *why)
{
	struct hd_node node = {.has_outside = why != NULL, .wakers = members};
	HD_VEC_PUSH(&b->nodes, node);
	HD_VEC_PUSH(&b->reasons, why);
	return (uint32_t)b->nodes.n - 1;
}

static const struct hd_proc *proc_at(const struct builder *b, uint32_t p)
{
	return &b->snap->procs[p];
}

/* ---- groups ------------------------------------------------------------------------------------------------------- */

/* The living threads of a process. */
static uint32_t proc_group(struct builder *b, uint32_t p)
{
	if (b->proc_group[p] != HD_NONE)
		return b->proc_group[p];
	const struct hd_proc *pr = proc_at(b, p);
	CLEAN_SET struct set set = {0};
	const char *why = NULL;
	if (!pr->threads_complete)
		why = hd_arena_printf(b->arena, "the threads of process %d could not all be seen", pr->pid);
	for (uint32_t i = 0; i < pr->n_threads; i++) {
		if (!hd_thread_ended(&b->snap->threads[pr->first_thread + i]))
			HD_VEC_PUSH(&set.at, pr->first_thread + i);
	}
	/* All its threads have ended and it has not: it was looked at while it ended. */
	if (set.at.n == 0 && why == NULL && pr->state != 'Z' && pr->state != 'X')
		why = hd_arena_printf(b->arena, "process %d is about to end", pr->pid);
	struct hd_edges members = {b->iota + pr->first_thread, pr->n_threads};
	if (set.at.n != pr->n_threads)
		members = set_edges(b, &set);
	return b->proc_group[p] = group_push(b, members, why);
}

/* All threads that share the memory of process p. */
static uint32_t mm_group(struct builder *b, uint32_t p)
{
	struct hd_keys same = hd_keys_find(&b->lookup->by_mm, proc_at(b, p)->mm);
	uint32_t first = same.at[0].index; /* every process has a row of its own in by_mm */
	if (b->mm_group[first] != HD_NONE)
		return b->mm_group[first];
	CLEAN_SET struct set set = {0};
	for (uint32_t i = 0; i < same.n; i++) {
		const struct hd_proc *pr = proc_at(b, same.at[i].index);
		set_add(b, &set, proc_group(b, same.at[i].index));
		if (pr->mm_shared_outside != HD_NO)
			set_outside(&set, hd_arena_printf(b->arena, "somebody else may share the memory of process %d", pr->pid));
	}
	return b->mm_group[first] = group_push(b, set_edges(b, &set), set.why);
}

static void set_add_child(struct builder *b, struct set *set, uint32_t child)
{
	set_add(b, set, proc_group(b, child));
	if (hd_proc_ended(b->snap, child))
		set_outside(set, hd_arena_printf(b->arena, "its child %d has ended and is about to be collected",
						 proc_at(b, child)->pid));
}

/* The children of p and what is below them, whose groups are made already. */
static uint32_t below_group_make(struct builder *b, uint32_t p)
{
	CLEAN_SET struct set set = {0};
	struct hd_keys kids = hd_keys_find(&b->lookup->by_parent, p);
	for (uint32_t i = 0; i < kids.n; i++) {
		set_add(b, &set, proc_group(b, kids.at[i].index));
		set_add(b, &set, b->below_group[kids.at[i].index]);
	}
	if (!proc_at(b, p)->children_complete)
		set_outside(&set, hd_arena_printf(b->arena, "the children of process %d could not all be seen", proc_at(b, p)->pid));
	return group_push(b, set_edges(b, &set), set.why);
}

/* Everybody below each process, from the leaves up, so that crafted chains need no recursion; circles stay open. */
static void make_below_groups(struct builder *b)
{
	uint32_t n = b->snap->n_procs, n_ready = 0;
	uint32_t *ready = HD_NEW_N(b->arena, n, uint32_t), *parent = HD_NEW_N(b->arena, n, uint32_t);
	uint32_t *missing = HD_NEW_N(b->arena, n, uint32_t);
	for (uint32_t i = 0; i < n; i++) {
		const struct hd_key *key = &b->lookup->by_parent.at[i];
		parent[key->index] = (uint32_t)key->key;
		if (key->key < n)
			missing[key->key]++;
	}
	for (uint32_t p = 0; p < n; p++) {
		if (missing[p] == 0)
			ready[n_ready++] = p;
	}
	for (uint32_t i = 0; i < n_ready; i++) {
		uint32_t p = ready[i];
		b->below_group[p] = below_group_make(b, p);
		if (parent[p] < n && --missing[parent[p]] == 0)
			ready[n_ready++] = parent[p];
	}
	for (uint32_t p = 0; p < n; p++) {
		if (b->below_group[p] == HD_NONE)
			b->below_group[p] = group_push(b, (struct hd_edges){0}, "parents and children do not fit together");
	}
}

/* Whoever may give p a child that ends: its children and, since orphans may be left to it (PR_SET_CHILD_SUBREAPER is not in
 * /proc), everybody below them; the first process of a PID namespace gets the orphans of strangers as well; and the
 * other threads of p may make children. */
static uint32_t kids_group(struct builder *b, uint32_t p)
{
	if (b->kids_group[p] != HD_NONE)
		return b->kids_group[p];
	if (b->snap->n_procs > 0 && b->below_group[0] == HD_NONE)
		make_below_groups(b);
	CLEAN_SET struct set set = {0};
	struct hd_keys kids = hd_keys_find(&b->lookup->by_parent, p);
	for (uint32_t i = 0; i < kids.n; i++)
		set_add_child(b, &set, kids.at[i].index);
	set_add(b, &set, b->below_group[p]);
	set_add(b, &set, proc_group(b, p));
	if (proc_at(b, p)->ns_pid == 1)
		set_outside(&set, "it is the first process of its container and inherits the children of others");
	return b->kids_group[p] = group_push(b, set_edges(b, &set), set.why);
}

/* Kinds of objects whose holders are all who can act on them; for the others somebody unseen always can. */
static const char *const object_always_outside[HD_OBJ_COUNT] = {
	[HD_OBJ_OTHER] = "hangdog does not know who could act on this kind of descriptor",
	[HD_OBJ_SOCKET] = "the network, the kernel or an unseen process could send something",
	[HD_OBJ_SIGNALFD] = "anyone who may send it a signal could end it",
	[HD_OBJ_INOTIFY] = "anyone could touch the watched files",
	[HD_OBJ_TTY] = "somebody at the terminal could type or read",
	[HD_OBJ_FILE] = "the disk or a file system could answer",
	[HD_OBJ_SYSV] = "anyone who may use this System V object could act on it",
	[HD_OBJ_DEVICE] = "a driver or a device could answer",
};

/* May this wait be on this kind of object at all? */
static bool object_fits(enum hd_need need, enum hd_obj_kind kind)
{
	if (kind == HD_OBJ_SHM)
		return false;
	if (need == HD_NEED_FILELOCK || kind == HD_OBJ_FILELOCK)
		return need == HD_NEED_FILELOCK && kind == HD_OBJ_FILELOCK;
	if (kind == HD_OBJ_EPOLL || kind == HD_OBJ_PIDFD)
		return need == HD_NEED_POLLSET || need == HD_NEED_EPOLL;
	return true;
}

static uint32_t object_group(struct builder *b, uint32_t o, enum side side, unsigned depth);

/* Returns how many were added. */
static uint32_t add_holders(struct builder *b, struct set *set, const struct hd_object *ob, enum side side)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < ob->n_holders; i++) {
		if (side == SIDE_WRITERS && !ob->holders[i].writes)
			continue;
		uint32_t g = proc_group(b, ob->holders[i].proc);
		/* Many descriptors of one process come in a row. */
		if (set->at.n == 0 || set->at.at[set->at.n - 1] != g)
			set_add(b, set, g);
		n++;
	}
	return n;
}

/* The waiter holds the object it waits on: when nobody is seen to hold it, not all was seen. */
static void add_own_holders(struct builder *b, struct set *set, const struct hd_object *ob)
{
	if (add_holders(b, set, ob, SIDE_ALL) == 0)
		set_outside(set, "nobody was seen to hold what it waits for");
}

/* shutdown() by anyone who holds either end ends a wait, so both ends count. */
static void add_socket(struct builder *b, struct set *set, const struct hd_object *ob)
{
	add_own_holders(b, set, ob);
	if (ob->peer == HD_NONE) {
		set_outside(set, "what the socket is connected to could not be seen");
		return;
	}
	const struct hd_object *peer = &b->snap->objects[ob->peer];
	if (add_holders(b, set, peer, SIDE_ALL) == 0)
		set_outside(set, "nobody was seen at the other end of the socket");
	if (peer->outside != NULL)
		set_outside(set, peer->outside);
}

static void add_epoll(struct builder *b, struct set *set, const struct hd_object *ob, unsigned depth)
{
	add_own_holders(b, set, ob); /* they may add descriptors */
	if (!ob->watched_complete)
		set_outside(set, "what the epoll set watches could not all be seen");
	for (uint32_t i = 0; i < ob->n_watched; i++) {
		if (!object_fits(HD_NEED_EPOLL, b->snap->objects[ob->watched[i]].kind))
			set_outside(set, "what was seen in the epoll set cannot be watched");
		set_add(b, set, object_group(b, ob->watched[i], SIDE_ALL, depth + 1));
	}
}

static void add_pidfd(struct builder *b, struct set *set, const struct hd_object *ob)
{
	struct hd_keys same = hd_keys_find(&b->lookup->by_pid, ob->id);
	if (same.n == 0 || hd_proc_ended(b->snap, same.at[0].index))
		set_outside(set, "the process that it watches has ended or could not be seen");
	else
		set_add(b, set, proc_group(b, same.at[0].index));
}

static void fill_object(struct builder *b, struct set *set, const struct hd_object *ob, enum side side, unsigned depth)
{
	switch (ob->kind) {
	case HD_OBJ_UNIX:
	case HD_OBJ_TCP:
		add_socket(b, set, ob);
		break;
	case HD_OBJ_EPOLL:
		add_epoll(b, set, ob, depth);
		break;
	case HD_OBJ_PIDFD:
		add_pidfd(b, set, ob);
		break;
	case HD_OBJ_TIMERFD:
		if (ob->timer_ns != 0)
			set_outside(set, "a timer will fire");
		add_own_holders(b, set, ob); /* they may arm it */
		break;
	default: /* pipe, FIFO, eventfd, shared memory, file lock; the rest is outside anyway */
		if (add_holders(b, set, ob, side) == 0)
			set_outside(set, "nobody was seen who could act on what it waits for");
		break;
	}
}

/* Whoever can end a wait on object o. */
static uint32_t object_group(struct builder *b, uint32_t o, enum side side, unsigned depth)
{
	if (b->object_group[side][o] != HD_NONE)
		return b->object_group[side][o];
	const struct hd_object *ob = &b->snap->objects[o];
	if (depth > EPOLL_DEPTH_MAX)
		return group_push(b, (struct hd_edges){0}, "epoll sets are nested too deep");
	/* Until it is filled it counts as not closed: sets that watch each other end here. */
	uint32_t g = b->object_group[side][o] = group_push(b, (struct hd_edges){0}, "epoll sets watch each other");
	CLEAN_SET struct set set = {.why = object_always_outside[ob->kind]};
	if (ob->outside != NULL)
		set_outside(&set, ob->outside);
	if (ob->is_ready)
		set_outside(&set, "what it waits for is there already: it is about to go on");
	fill_object(b, &set, ob, side, depth);
	b->nodes.at[g] = (struct hd_node){.has_outside = set.why != NULL, .wakers = set_edges(b, &set)};
	b->reasons.at[g] = set.why;
	return g;
}

/* ---- waits -------------------------------------------------------------------------------------------------------- */

/* A priority-inheritance futex that is not private also ends with its owner, wherever that lives: the kernel looks the
 * number up in the waiter's namespace (kernel/futex/pi.c). */
static void add_pi_owner(struct builder *b, struct set *set, const struct hd_thread *th, const struct hd_word *word)
{
	struct hd_keys same = hd_keys_find(&b->lookup->by_ns_tid, word->value & PI_TID_MASK);
	for (uint32_t i = 0; i < same.n && i < HD_SAME_MAX && word->value_known; i++) {
		const struct hd_thread *o = &b->snap->threads[same.at[i].index];
		if (proc_at(b, o->proc)->pid_ns == proc_at(b, th->proc)->pid_ns && !hd_thread_ended(o)) {
			set_add(b, set, same.at[i].index);
			return;
		}
	}
	set_outside(set, "the owner of the lock could not be seen, and its end would free it");
}

/* Keys (kernel/futex/core.c get_futex_key): with the private flag, or on private memory, (memory, address); else the
 * mapped file and the offset in it. */
static void add_words(struct builder *b, struct set *set, const struct hd_thread *th, const struct hd_call *call)
{
	for (uint32_t i = 0; i < th->n_words; i++) {
		const struct hd_word *word = &th->words[i];
		if (word->op_private || word->mapping == HD_MAPPING_PRIVATE)
			set_add(b, set, mm_group(b, th->proc));
		else if (word->sharers_object == HD_NONE)
			set_outside(set, "who shares the memory it waits on could not be seen");
		else if (b->snap->objects[word->sharers_object].kind != HD_OBJ_SHM)
			set_outside(set, "what it waits on is not the memory that was looked at");
		else
			set_add(b, set, object_group(b, word->sharers_object, SIDE_ALL, 0));
		if (call->futex_pi && !word->op_private)
			add_pi_owner(b, set, th, word);
	}
}

static void add_objects(struct builder *b, struct set *set, const struct hd_thread *th, enum hd_need need)
{
	bool one = need == HD_NEED_FD_READ || need == HD_NEED_FD_WRITE, has_epoll = false;
	if (!th->objects_complete || (one && th->n_objects != 1))
		set_outside(set, hd_arena_printf(b->arena, "the descriptors of process %d could not all be read",
						 proc_at(b, th->proc)->pid));
	else if (th->n_objects == 0)
		set_outside(set, "it waits for no descriptor at all: only a signal ends that");
	for (uint32_t i = 0; i < th->n_objects; i++) {
		const struct hd_object *ob = &b->snap->objects[th->objects[i]];
		bool is_pipe = ob->kind == HD_OBJ_PIPE || ob->kind == HD_OBJ_FIFO;
		has_epoll = has_epoll || ob->kind == HD_OBJ_EPOLL;
		if (!object_fits(need, ob->kind))
			set_outside(set, "what was seen at the descriptor cannot be waited for in this way");
		if (need == HD_NEED_FD_WRITE && ob->kind == HD_OBJ_TCP)
			set_outside(set, "the kernel gives up sending after a time of its own");
		set_add(b, set, object_group(b, th->objects[i], need == HD_NEED_FD_READ && is_pipe ? SIDE_WRITERS : SIDE_ALL, 0));
	}
	if (need == HD_NEED_EPOLL && !has_epoll)
		set_outside(set, "the epoll set could not be seen");
}

static void add_children(struct builder *b, struct set *set, const struct hd_thread *th, const struct hd_wait *w)
{
	uint32_t named = hd_lookup_child(b->snap, b->lookup, th->proc, w);
	if (named != HD_NONE) {
		set_add_child(b, set, named);
		return;
	}
	if (hd_keys_find(&b->lookup->by_parent, th->proc).n == 0)
		set_outside(set, "no child of it was seen");
	set_add(b, set, kids_group(b, th->proc));
}

static void add_vfork_child(struct builder *b, struct set *set, const struct hd_thread *th)
{
	struct hd_keys kids = hd_keys_find(&b->lookup->by_parent, th->proc);
	uint32_t n = 0;
	for (uint32_t i = 0; i < kids.n; i++) {
		if (proc_at(b, kids.at[i].index)->mm != proc_at(b, th->proc)->mm)
			continue;
		set_add_child(b, set, kids.at[i].index);
		n++;
	}
	if (n == 0 || !proc_at(b, th->proc)->children_complete)
		set_outside(set, "its vfork child could not be seen");
}

static void add_wakers(struct builder *b, struct set *set, uint32_t t, const struct hd_call *call)
{
	const struct hd_thread *th = &b->snap->threads[t];
	switch (call->need) {
	case HD_NEED_FUTEX:
		add_words(b, set, th, call);
		break;
	case HD_NEED_CHILDREN:
		add_children(b, set, th, &b->waits[t]);
		break;
	case HD_NEED_VFORK:
		add_vfork_child(b, set, th);
		break;
	case HD_NEED_FD_READ:
	case HD_NEED_FD_WRITE:
	case HD_NEED_POLLSET:
	case HD_NEED_EPOLL:
	case HD_NEED_FILELOCK:
		add_objects(b, set, th, call->need);
		break;
	case HD_NEED_NOTHING:
	case HD_NEED_ACCEPT:
	case HD_NEED_SYSV:
	case HD_NEED_TIME:
		/* The table has its reason, or time ends it. */
		if (!b->waits[t].has_deadline)
			set_outside(set, "hangdog does not know who could end this wait");
		break;
	}
}

/* A handled SIGCHLD can come from every child that ends. */
static void add_sigchld(struct builder *b, struct set *set, uint32_t t)
{
	const struct hd_thread *th = &b->snap->threads[t];
	if ((proc_at(b, th->proc)->sig_caught & ~th->sig_blocked & SIGCHLD_BIT) == 0)
		return;
	set_add(b, set, kids_group(b, th->proc));
}

/* Who releases the lock by its owner rule; empty when nobody is left. */
static void add_owner(struct builder *b, struct set *set, uint32_t t)
{
	const struct hd_thread *th = &b->snap->threads[t];
	const struct hd_owner *owner = &b->owners[t];
	if (owner->thread != HD_NONE)
		set_add(b, set, owner->thread);
	if (!hd_owner_may_be_forker(b->snap, proc_at(b, th->proc), owner))
		return;
	uint32_t leader = hd_proc_leader(b->snap, th->proc);
	if (leader == HD_NONE)
		set_outside(set, "the thread that made the fork could not be seen");
	else if (!hd_thread_ended(&b->snap->threads[leader]))
		set_add(b, set, leader);
}

static void fill_thread(struct builder *b, uint32_t t)
{
	const struct hd_thread *th = &b->snap->threads[t];
	struct hd_node node = {.is_live = !th->is_still || !th->call_known || hd_thread_ended(th)};
	if (!th->call_known || hd_thread_ended(th)) {
		b->nodes.at[t] = node;
		return;
	}
	struct hd_call call = hd_call_decode(th->abi, th->nr, th->args, th->was_restart);
	CLEAN_SET struct set kernel = {0}, owners = {0};
	node.owner_outside = b->waits[t].outside != NULL;
	node.has_deadline = b->waits[t].has_deadline;
	add_wakers(b, &kernel, t, &call);
	add_sigchld(b, &kernel, t);
	node.wakers = set_edges(b, &kernel);
	if (b->waits[t].outside == NULL)
		b->waits[t].outside = kernel.why;
	node.has_outside = b->waits[t].outside != NULL;
	if (call.need == HD_NEED_FUTEX && th->n_words == 1 && hd_owner_counts(th, &b->owners[t])) {
		node.has_owner = true;
		add_owner(b, &owners, t);
		add_sigchld(b, &owners, t);
		if (call.futex_pi && !th->words[0].op_private)
			add_pi_owner(b, &owners, th, &th->words[0]);
		node.owners = set_edges(b, &owners);
		node.owner_outside = node.owner_outside || owners.why != NULL;
	}
	b->nodes.at[t] = node;
}

static uint32_t *none_array(struct hd_arena *arena, uint32_t n)
{
	uint32_t *at = HD_NEW_N(arena, n, uint32_t);
	for (uint32_t i = 0; i < n; i++)
		at[i] = HD_NONE;
	return at;
}

struct hd_graph hd_graph_make(const struct hd_snapshot *snap, const struct hd_lookup *lookup, struct hd_wait *waits,
			      const struct hd_owner *owners, struct hd_arena *arena)
{
	struct builder b = {.snap = snap, .lookup = lookup, .waits = waits, .owners = owners, .arena = arena};
	b.iota = HD_NEW_N(arena, snap->n_threads, uint32_t);
	b.proc_group = none_array(arena, snap->n_procs);
	b.mm_group = none_array(arena, snap->n_procs);
	b.kids_group = none_array(arena, snap->n_procs);
	b.below_group = none_array(arena, snap->n_procs);
	for (int side = 0; side < SIDE_COUNT; side++)
		b.object_group[side] = none_array(arena, snap->n_objects);
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		b.iota[t] = t;
		HD_VEC_PUSH(&b.nodes, (struct hd_node){.is_live = true});
		HD_VEC_PUSH(&b.reasons, NULL);
	}
	for (uint32_t t = 0; t < snap->n_threads; t++)
		fill_thread(&b, t);
	struct hd_graph graph = {.n = (uint32_t)b.nodes.n, .truncated = snap->truncated};
	graph.nodes = hd_arena_dup(arena, b.nodes.at, b.nodes.n * sizeof(struct hd_node));
	HD_VEC_RELEASE(&b.nodes);
	HD_VEC_RELEASE(&b.reasons);
	return graph;
}

/* ---- groups resolved ------------------------------------------------------------------------------------------------ */

#define FLATTEN_TOTAL_MAX ((size_t)1 << 22)

struct flattener {
	const struct hd_graph *graph;
	uint32_t n_threads, stamp;
	uint32_t *seen; /* per node: the stamp of the walk that met it last */
	HD_VEC(uint32_t) todo, found;
	size_t total;
	struct hd_arena *arena;
};

static void flatten_push(struct flattener *f, struct hd_edges edges)
{
	for (uint32_t i = 0; i < edges.n; i++) {
		uint32_t node = edges.at[i];
		if (node >= f->graph->n || f->seen[node] == f->stamp)
			continue;
		f->seen[node] = f->stamp;
		if (node < f->n_threads)
			HD_VEC_PUSH(&f->found, node);
		else
			HD_VEC_PUSH(&f->todo, node);
	}
}

static struct hd_edges flatten(struct flattener *f, struct hd_edges from)
{
	HD_VEC_CLEAR(&f->found);
	f->stamp++;
	flatten_push(f, from);
	while (f->todo.n > 0)
		flatten_push(f, f->graph->nodes[f->todo.at[--f->todo.n]].wakers);
	if (f->found.n == 0 || f->total + f->found.n > FLATTEN_TOTAL_MAX)
		return (struct hd_edges){0};
	f->total += f->found.n;
	return (struct hd_edges){hd_arena_dup(f->arena, f->found.at, f->found.n * sizeof(uint32_t)), (uint32_t)f->found.n};
}

void hd_graph_flatten(const struct hd_graph *graph, uint32_t n_threads, struct hd_edges *ret_wakers, struct hd_arena *arena)
{
	struct flattener f = {.graph = graph, .n_threads = n_threads, .arena = arena};
	f.seen = HD_NEW_N(arena, graph->n, uint32_t);
	struct hd_edges *groups = HD_NEW_N(arena, graph->n - n_threads, struct hd_edges);
	bool *known = HD_NEW_N(arena, graph->n - n_threads, bool);
	for (uint32_t t = 0; t < n_threads; t++) {
		struct hd_edges edges = graph->nodes[t].wakers;
		if (edges.n != 1 || edges.at[0] < n_threads) {
			ret_wakers[t] = flatten(&f, edges);
			continue;
		}
		uint32_t g = edges.at[0] - n_threads;
		if (!known[g]) {
			groups[g] = flatten(&f, edges);
			known[g] = true;
		}
		ret_wakers[t] = groups[g];
	}
	HD_VEC_RELEASE(&f.todo);
	HD_VEC_RELEASE(&f.found);
}
