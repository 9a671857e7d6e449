/* Random snapshots: the graph against a slow and simple reading of proof.md section 2, and "a fact that goes missing
 * never makes anybody more dead".  HD_PROP_N sets the number of snapshots (default 20,000), HD_PROP_SEED the first. */
#include "../lib/build.h"
#include "../lib/rand.h"

/* ---- random snapshots: mostly blocked, mostly known ---------------------------------------------------------------------- */

static enum hd_tri mostly_no(struct tr *r)
{
	return tr_one_in(r, 50) ? (tr_one_in(r, 2) ? HD_UNKNOWN : HD_YES) : HD_NO;
}

static void random_procs(struct hd_snapshot *s, struct tr *r)
{
	uint32_t n = 1 + tr_below(r, 4);
	for (uint32_t i = 0; i < n; i++) {
		int32_t pid = (int32_t)(i + 1) * 10;
		uint32_t p = tb_proc(s, pid, i == 0 ? 1 : (int32_t)(1 + tr_below(r, i)) * 10);
		struct hd_proc *pr = &s->procs[p];
		if (i > 0 && tr_one_in(r, 8))
			pr->mm = s->procs[i - 1].mm;
		enum hd_tri *facts[] = {&pr->mm_shared_outside, &pr->has_io_uring, &pr->is_frozen, &pr->is_dumping, &pr->has_foreign_tracer,
					&pr->timer_armed};
		for (size_t k = 0; k < HD_COUNTOF(facts); k++)
			*facts[k] = mostly_no(r);
		pr->threads_complete = !tr_one_in(r, 30);
		pr->children_complete = !tr_one_in(r, 30);
		pr->has_exec = tr_one_in(r, 4);
		if (tr_one_in(r, 4))
			pr->sig_caught = 1u << (tr_one_in(r, 2) ? 16 : tr_below(r, 31)); /* often SIGCHLD */
		if (pr->timer_armed == HD_YES)
			pr->sig_caught |= 1u << 13; /* SIGALRM: that is what armed means */
		if (tr_one_in(r, 60))
			pr->sig_pending = 1;
		if (tr_one_in(r, 40))
			pr->parent = HD_NONE;
		uint32_t threads = 1 + (tr_one_in(r, 2) ? tr_below(r, 4) : 0);
		for (uint32_t k = 0; k < threads; k++)
			s->threads[tb_thread(s, pid + (int32_t)k)].tls = 0x1000u * (uint64_t)(pid + (int32_t)k);
		if (i > 0 && tr_one_in(r, 2)) {
			struct hd_fork *fork = tb_fork(s, p, pr->ppid, 1 + tr_below(r, 4));
			for (uint32_t k = 1; k < fork->parent_threads; k++)
				tb_other(fork, pr->ppid + (int32_t)k);
		}
	}
}

static void random_objects(struct hd_snapshot *s, struct tr *r)
{
	static const enum hd_obj_kind kinds[] = {HD_OBJ_PIPE, HD_OBJ_PIPE, HD_OBJ_UNIX, HD_OBJ_EVENTFD, HD_OBJ_SHM,
						 HD_OBJ_EPOLL, HD_OBJ_TIMERFD, HD_OBJ_FILELOCK, HD_OBJ_PIDFD, HD_OBJ_TTY};
	uint32_t n = 2 + tr_below(r, 6);
	for (uint32_t i = 0; i < n; i++) {
		enum hd_obj_kind kind = kinds[tr_below(r, HD_COUNTOF(kinds))];
		struct hd_object *ob = &s->objects[tb_object(s, kind, kind == HD_OBJ_PIDFD ? 10 * (1 + tr_below(r, 5)) : i)];
		for (uint32_t k = tr_below(r, 4); k > 0; k--)
			tb_hold(s, i, tr_below(r, s->n_procs), !tr_one_in(r, 3), !tr_one_in(r, 3));
		if (kind == HD_OBJ_UNIX && i > 0 && !tr_one_in(r, 8))
			ob->peer = tr_below(r, i);
		if (kind == HD_OBJ_EPOLL && i > 0)
			ob->watched[ob->n_watched++] = tr_below(r, i);
		ob->watched_complete = !tr_one_in(r, 10);
		ob->timer_ns = tr_one_in(r, 3) ? 5 : 0;
		ob->outside = tr_one_in(r, 15) ? "unseen" : NULL;
		ob->is_ready = tr_one_in(r, 40);
		ob->has_recv_timeout = mostly_no(r);
	}
}

static void random_lock(struct hd_snapshot *s, struct tr *r, uint32_t t)
{
	struct hd_lock *lock = &s->threads[t].lock;
	*lock = (struct hd_lock){.kind = HD_LOCK_MUTEX,
				 .confidence = tr_one_in(r, 5) ? HD_CONF_LOW : HD_CONF_HIGH,
				 .owner_releases = !tr_one_in(r, 8),
				 .is_held = !tr_one_in(r, 8),
				 .is_robust = tr_one_in(r, 8),
				 .is_recursive = tr_one_in(r, 4),
				 .owner_exists = (enum hd_tri)tr_below(r, 3)};
	lock->owner_tid = (int32_t)(10 * (1 + tr_below(r, 5)) + tr_below(r, 4));
	if (!tr_one_in(r, 6))
		return;
	lock->owner_tcb = 0x1000u * (uint64_t)lock->owner_tid;
	lock->owner_tid = 0;
}

static void random_futex(struct hd_snapshot *s, struct tr *r, uint32_t t)
{
	struct hd_thread *th = tb_futex(s, t, 0x100 * (1 + tr_below(r, 3)));
	struct hd_word *word = &th->words[0];
	if (tr_one_in(r, 3)) {
		th->args[1] = tr_one_in(r, 6) ? TB_LOCK_PI : TB_WAIT_SHARED;
		word->op_private = false;
	}
	if (tr_one_in(r, 3)) {
		word->mapping = tr_one_in(r, 10) ? HD_MAPPING_UNKNOWN : HD_MAPPING_SHARED;
		word->sharers_object = tr_one_in(r, 10) ? HD_NONE : tr_below(r, s->n_objects);
	}
	if (tr_one_in(r, 25))
		word->value = tr_one_in(r, 2) ? 1 : 10 + tr_below(r, 12);
	if (th->args[1] == TB_LOCK_PI)
		word->value = 10 + tr_below(r, 12);
	if (tr_one_in(r, 2))
		random_lock(s, r, t);
	if (tr_one_in(r, 12)) {
		th->args[3] = 0x7000;
		th->has_timeout = HD_YES;
	}
}

static void random_wait(struct hd_snapshot *s, struct tr *r, uint32_t t)
{
	static const int calls[] = {TB_READ, TB_READ, TB_WRITE, TB_POLL, TB_EPOLL_WAIT, TB_FLOCK};
	struct hd_thread *th = &s->threads[t];
	switch (tr_below(r, 10)) {
	case 0:
	case 1:
	case 2:
	case 3:
		random_futex(s, r, t);
		break;
	case 4:
	case 5:
		tb_wait4(s, t, tr_one_in(r, 2) ? -1 : 10 * (1 + (int32_t)tr_below(r, 5)));
		break;
	case 6:
		if (tr_one_in(r, 3))
			tb_call(s, t, tr_one_in(r, 2) ? TB_NANOSLEEP : TB_VFORK, 0x7000, 0, 0, 0);
		if (tr_one_in(r, 4))
			th->state = s->procs[th->proc].state = 'Z';
		break;
	default: {
		int nr = calls[tr_below(r, HD_COUNTOF(calls))];
		for (uint32_t k = nr == TB_POLL ? 1 + tr_below(r, 3) : 1; k > 0; k--)
			tb_on(s, t, nr, tr_below(r, s->n_objects));
		break;
	}
	}
	if (tr_one_in(r, 30))
		th->is_still = false;
	if (tr_one_in(r, 30))
		th->sig_blocked = ~(UINT64_C(1) << 13); /* all but SIGALRM */
}

static struct hd_snapshot *random_snapshot(uint64_t seed)
{
	struct tr r = {.state = seed * 104729 + 3};
	struct hd_snapshot *s = tb_new();
	random_procs(s, &r);
	random_objects(s, &r);
	for (uint32_t t = 0; t < s->n_threads; t++)
		random_wait(s, &r, t);
	return s;
}

/* ---- the slow reading -------------------------------------------------------------------------------------------------- */

struct wakers {
	bool by[TB_ROWS]; /* per thread */
	bool open;
};

static bool ended(const struct hd_thread *th)
{
	return th->state == 'Z' || th->state == 'X';
}

static void add_proc(const struct hd_snapshot *s, struct wakers *w, uint32_t p)
{
	bool lives = false;
	for (uint32_t t = 0; t < s->n_threads; t++) {
		bool counts = s->threads[t].proc == p && !ended(&s->threads[t]);
		w->by[t] = w->by[t] || counts;
		lives = lives || counts;
	}
	w->open = w->open || !s->procs[p].threads_complete || (!lives && s->procs[p].state != 'Z');
}

static void add_memory(const struct hd_snapshot *s, struct wakers *w, uint32_t mm)
{
	for (uint32_t p = 0; p < s->n_procs; p++) {
		if (s->procs[p].mm != mm)
			continue;
		add_proc(s, w, p);
		w->open = w->open || s->procs[p].mm_shared_outside != HD_NO;
	}
}

static void add_all_holders(const struct hd_snapshot *s, struct wakers *w, uint32_t o, bool writers)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->objects[o].n_holders; i++) {
		if (writers && !s->objects[o].holders[i].writes)
			continue;
		add_proc(s, w, s->objects[o].holders[i].proc);
		n++;
	}
	w->open = w->open || s->objects[o].outside != NULL || n == 0;
}

static bool is_parent(const struct hd_snapshot *s, uint32_t p, uint32_t child)
{
	uint32_t parent = s->procs[child].parent;
	return parent == p || (parent == HD_NONE && s->procs[child].ppid == s->procs[p].pid);
}

static bool proc_ended(const struct hd_snapshot *s, uint32_t p)
{
	bool any = s->procs[p].state != 'Z';
	for (uint32_t t = 0; t < s->n_threads; t++)
		any = any || (s->threads[t].proc == p && !ended(&s->threads[t]));
	return !any;
}

static void add_own_holders(const struct hd_snapshot *s, struct wakers *w, const struct hd_object *ob)
{
	for (uint32_t i = 0; i < ob->n_holders; i++)
		add_proc(s, w, ob->holders[i].proc);
	w->open = w->open || ob->n_holders == 0;
}

static void add_object(const struct hd_snapshot *s, struct wakers *w, const struct hd_thread *th, uint32_t o, int depth)
{
	const struct hd_object *ob = &s->objects[o];
	bool poll = th->nr == TB_POLL || th->nr == TB_EPOLL_WAIT;
	w->open = w->open || ob->outside != NULL || ob->is_ready || ob->kind == HD_OBJ_TTY || ob->kind == HD_OBJ_SHM ||
		  (ob->kind == HD_OBJ_FILELOCK && !(th->nr == TB_FLOCK && depth == 0));
	w->open = w->open || ((ob->kind == HD_OBJ_EPOLL || ob->kind == HD_OBJ_PIDFD) && !poll);
	w->open = w->open || (th->nr == TB_FLOCK && ob->kind != HD_OBJ_FILELOCK);
	switch (ob->kind) {
	case HD_OBJ_UNIX:
		add_own_holders(s, w, ob);
		w->open = w->open || ob->peer == HD_NONE;
		if (ob->peer != HD_NONE)
			add_all_holders(s, w, ob->peer, false);
		break;
	case HD_OBJ_EPOLL:
		add_own_holders(s, w, ob);
		w->open = w->open || !ob->watched_complete || depth > 4;
		for (uint32_t i = 0; i < ob->n_watched && depth <= 4; i++)
			add_object(s, w, th, ob->watched[i], depth + 1);
		break;
	case HD_OBJ_TIMERFD:
		add_own_holders(s, w, ob);
		w->open = w->open || ob->timer_ns != 0;
		break;
	case HD_OBJ_PIDFD: {
		uint32_t p = hd_snapshot_proc(s, (int32_t)ob->id);
		w->open = w->open || p == HD_NONE || proc_ended(s, p);
		if (p != HD_NONE)
			add_proc(s, w, p);
		break;
	}
	default:
		add_all_holders(s, w, o, th->nr == TB_READ && ob->kind == HD_OBJ_PIPE);
		break;
	}
}

static void add_futex(const struct hd_snapshot *s, struct wakers *w, const struct hd_thread *th)
{
	const struct hd_word *word = &th->words[0];
	bool found = false;
	if (word->op_private || word->mapping == HD_MAPPING_PRIVATE)
		add_memory(s, w, s->procs[th->proc].mm);
	else if (word->sharers_object == HD_NONE || s->objects[word->sharers_object].kind != HD_OBJ_SHM)
		w->open = true;
	else
		add_all_holders(s, w, word->sharers_object, false);
	if (!word->op_private && word->mapping != HD_MAPPING_PRIVATE && word->sharers_object != HD_NONE)
		w->open = w->open || s->objects[word->sharers_object].is_ready;
	if (th->args[1] != TB_LOCK_PI)
		return;
	for (uint32_t t = 0; t < s->n_threads; t++) {
		if (s->threads[t].ns_tid == (int32_t)word->value && !ended(&s->threads[t]))
			w->by[t] = found = true;
	}
	w->open = w->open || !found;
}

static bool has_child(const struct hd_snapshot *s, uint32_t p)
{
	for (uint32_t c = 0; c < s->n_procs; c++) {
		if (is_parent(s, p, c))
			return true;
	}
	return false;
}

/* Itself and everybody below. */
static void add_family(const struct hd_snapshot *s, struct wakers *w, uint32_t p)
{
	add_proc(s, w, p);
	w->open = w->open || !s->procs[p].children_complete;
	for (uint32_t c = 0; c < s->n_procs; c++) {
		if (is_parent(s, p, c))
			add_family(s, w, c);
	}
}

static bool has_ended_child(const struct hd_snapshot *s, uint32_t p)
{
	for (uint32_t c = 0; c < s->n_procs; c++) {
		if (is_parent(s, p, c) && proc_ended(s, c))
			return true;
	}
	return false;
}

static void add_wait4(const struct hd_snapshot *s, struct wakers *w, const struct hd_thread *th)
{
	for (uint32_t c = 0; c < s->n_procs; c++) {
		if (is_parent(s, th->proc, c) && s->procs[c].ns_pid == (int32_t)th->args[0]) {
			add_proc(s, w, c);
			w->open = w->open || proc_ended(s, c);
			return;
		}
	}
	w->open = w->open || !has_child(s, th->proc) || has_ended_child(s, th->proc);
	add_family(s, w, th->proc);
}

static void add_vfork(const struct hd_snapshot *s, struct wakers *w, const struct hd_thread *th)
{
	bool found = false;
	for (uint32_t c = 0; c < s->n_procs; c++) {
		if (!is_parent(s, th->proc, c) || s->procs[c].mm != s->procs[th->proc].mm)
			continue;
		add_proc(s, w, c);
		w->open = w->open || proc_ended(s, c);
		found = true;
	}
	w->open = w->open || !found || !s->procs[th->proc].children_complete;
}

static void slow_wakers(const struct hd_snapshot *s, uint32_t t, struct wakers *w)
{
	const struct hd_thread *th = &s->threads[t];
	if (th->nr == TB_FUTEX)
		add_futex(s, w, th);
	else if (th->nr == TB_WAIT4)
		add_wait4(s, w, th);
	else if (th->nr == TB_VFORK)
		add_vfork(s, w, th);
	else if (th->nr == TB_NANOSLEEP)
		w->open = true;
	else
		for (uint32_t i = 0; i < th->n_objects; i++)
			add_object(s, w, th, th->objects[i], 0);
	if (th->nr == TB_EPOLL_WAIT)
		w->open = w->open || s->objects[th->objects[0]].kind != HD_OBJ_EPOLL;
	if ((s->procs[th->proc].sig_caught & ~th->sig_blocked & (1u << 16)) != 0) {
		w->open = w->open || has_ended_child(s, th->proc);
		add_family(s, w, th->proc);
	}
}

/* A wait that a handler of SIGTERM may answer: no lock that somebody is known to hold, now or at the fork. */
static bool may_be_event(const struct hd_snapshot *s, const struct hd_thread *th)
{
	const struct hd_lock *lock = &th->lock;
	bool by_main = th->tid == s->procs[th->proc].pid && (lock->kind == HD_LOCK_UNKNOWN || lock->kind == HD_LOCK_PYTHON);
	return th->n_words != 0 && (by_main || lock->kind == HD_LOCK_SEMAPHORE) && lock->owner_tid == 0 && lock->owner_tcb == 0 &&
	       lock->fork_owner_tid == 0 && lock->held_at_fork != HD_YES;
}

/* Does process p have what makes object o readable: an end that writes, of it, of its peer, or of what it watches? */
static bool may_feed(const struct hd_snapshot *s, uint32_t o, uint32_t p, int depth)
{
	const struct hd_object *ob = &s->objects[o];
	bool fed = false;
	for (uint32_t i = 0; ob->kind == HD_OBJ_EPOLL && i < ob->n_watched && depth < 5; i++)
		fed = fed || may_feed(s, ob->watched[i], p, depth + 1);
	bool is_pair = ob->kind == HD_OBJ_UNIX && ob->peer != HD_NONE;
	bool is_plain = ob->kind == HD_OBJ_PIPE || ob->kind == HD_OBJ_FIFO || ob->kind == HD_OBJ_EVENTFD;
	const struct hd_object *end = is_pair ? &s->objects[ob->peer] : ob;
	for (uint32_t i = 0; (is_pair || is_plain) && i < end->n_holders; i++)
		fed = fed || (end->holders[i].proc == p && end->holders[i].writes);
	return fed;
}

/* By a handler of its own. */
static bool may_feed_itself(const struct hd_snapshot *s, const struct hd_thread *th)
{
	bool fed = false;
	for (uint32_t i = 0; i < th->n_objects; i++)
		fed = fed || may_feed(s, th->objects[i], th->proc, 0);
	return fed && !th->objects_want_write;
}

/* A thread of the tree may send a signal that programs use among themselves, if t handles it. */
static bool may_signal(const struct hd_snapshot *s, uint32_t u, uint32_t t)
{
	const uint64_t among_programs = 1u << 9 | 1u << 11 | 1u << 13 | 1u << 15 | 1u << 17 | 7u << 19 | 3u << 23 | 1u << 27 | 1u << 29 |
					~UINT64_C(0) << 33;
	const uint64_t to_end = 1u << 0 | 1u << 2 | 1u << 14;
	return s->procs[s->threads[u].proc].in_tree && !ended(&s->threads[u]) &&
	       (s->procs[s->threads[t].proc].sig_caught & ~s->threads[t].sig_blocked &
		(may_be_event(s, &s->threads[t]) || may_feed_itself(s, &s->threads[t]) ? among_programs | to_end : among_programs)) != 0;
}

/* Who is dead by kernel facts; the thread's own facts are classify's, which has its own tests. */
static void slow_dead(const struct hd_snapshot *s, bool *dead)
{
	struct wakers w[TB_ROWS] = {0};
	for (uint32_t t = 0; t < s->n_threads; t++) {
		const struct hd_thread *th = &s->threads[t];
		struct hd_wait wait = hd_classify(s, t, s->arena);
		dead[t] = th->is_still && th->call_known && !ended(th) && wait.outside == NULL && !wait.has_deadline;
		if (dead[t])
			slow_wakers(s, t, &w[t]);
		dead[t] = dead[t] && !w[t].open;
	}
	for (bool again = true; again;) {
		again = false;
		for (uint32_t t = 0; t < s->n_threads; t++) {
			for (uint32_t u = 0; u < s->n_threads && dead[t]; u++) {
				if (u != t && (w[t].by[u] || may_signal(s, u, t)) && !dead[u])
					dead[t] = !(again = true);
			}
		}
	}
}

/* ---- facts going missing ------------------------------------------------------------------------------------------------ */

#define PROC_FACTS(X)                                                                                                \
	X(mm_shared_outside, HD_UNKNOWN)                                                                             \
	X(has_io_uring, HD_UNKNOWN) X(is_frozen, HD_UNKNOWN) X(is_dumping, HD_UNKNOWN)                               \
	X(has_foreign_tracer, HD_UNKNOWN) X(timer_armed, HD_UNKNOWN) X(threads_complete, false)                      \
	X(children_complete, false) X(fork, NULL)
#define THREAD_FACTS(X)                                                                                              \
	X(is_still, false) X(call_known, false) X(abi, HD_ABI_UNKNOWN) X(has_timeout, HD_UNKNOWN) X(n_words, 0)      \
	X(n_objects, 0) X(objects_complete, false) X(tls, 0) X(wchan, NULL) X(lock.confidence, HD_CONF_NONE)         \
	X(lock.is_held, false) X(lock.owner_exists, HD_UNKNOWN) X(lock.owner_releases, false)                        \
	X(lock.held_at_fork, HD_UNKNOWN) X(lock.kind, HD_LOCK_UNKNOWN) X(state, 'R')
#define OBJECT_FACTS(X)                                                                                              \
	X(outside, "spoilt") X(peer, HD_NONE) X(watched_complete, false) X(timer_ns, -1)                             \
	X(has_recv_timeout, HD_UNKNOWN) X(has_send_timeout, HD_UNKNOWN) X(n_holders, 0)
#define WORD_FACTS(X) X(value_known, false) X(mapping, HD_MAPPING_UNKNOWN) X(sharers_object, HD_NONE)

/* Spoils fact number k of the row; returns its name, NULL past the last. */
#define SPOIL(f, v)                                                                                                  \
	if (k-- == 0) {                                                                                              \
		row->f = v;                                                                                          \
		return #f;                                                                                           \
	}
static const char *spoil_proc(struct hd_proc *row, int k)
{
	PROC_FACTS(SPOIL)
	return NULL;
}
static const char *spoil_thread(struct hd_thread *row, int k)
{
	THREAD_FACTS(SPOIL)
	return NULL;
}
static const char *spoil_object(struct hd_object *row, int k)
{
	OBJECT_FACTS(SPOIL)
	return NULL;
}
static const char *spoil_word(struct hd_word *row, int k)
{
	WORD_FACTS(SPOIL)
	return NULL;
}

/* Fact number `fact` of one random row; NULL when there is none. */
static const char *spoil(struct hd_snapshot *s, struct tr *r, int fact)
{
	uint32_t t = tr_below(r, s->n_threads);
	switch (tr_below(r, 4)) {
	case 0:
		return spoil_proc(&s->procs[tr_below(r, s->n_procs)], fact);
	case 1:
		return spoil_object(&s->objects[tr_below(r, s->n_objects)], fact);
	case 2:
		return s->threads[t].n_words > 0 ? spoil_word(&s->threads[t].words[0], fact) : NULL;
	default:
		return spoil_thread(&s->threads[t], fact);
	}
}

struct tally {
	uint64_t passed, failed, dead, owned, spoilt;
};

static void fail(struct tally *tally, uint64_t seed, uint32_t t, const char *what, const char *detail)
{
	if (tally->failed++ < 5)
		printf("prop_decide: seed %llu thread %u: %s%s%s\n", (unsigned long long)seed, t, what, detail != NULL ? ": " : "",
		       detail != NULL ? detail : "");
}

static void check_missing(struct tally *tally, uint64_t seed, const struct hd_snapshot *s, const struct hd_verdict *v)
{
	struct tr r = {.state = seed};
	for (int i = 0; i < 12; i++) {
		struct hd_snapshot *less = random_snapshot(seed);
		const char *fact = spoil(less, &r, (int)tr_below(&r, 16));
		if (fact != NULL) {
			tally->spoilt++;
			struct hd_verdict *lv = hd_decide(less, less->arena);
			for (uint32_t t = 0; t < s->n_threads; t++) {
				if (lv->threads[t].certainty > v->threads[t].certainty)
					fail(tally, seed, t, "more certain although a fact is missing", fact);
			}
		}
		hd_snapshot_free(less);
	}
}

static void run(struct tally *tally, uint64_t seed)
{
	struct hd_snapshot *s = random_snapshot(seed);
	const char *why;
	if (hd_snapshot_check(s, &why) != 0)
		fail(tally, seed, 0, "the generator is wrong", why);
	struct hd_verdict *v = hd_decide(s, s->arena), *again = hd_decide(s, s->arena);
	uint64_t failed = tally->failed;
	bool dead[TB_ROWS], any = false;
	uint8_t candidate[TB_ROWS];
	hd_candidates(s, candidate);
	slow_dead(s, dead);
	if (!v->certificate_ok)
		fail(tally, seed, 0, "the certificate is refused", NULL);
	for (uint32_t t = 0; t < s->n_threads; t++) {
		bool proven = v->threads[t].certainty == HD_CERT_PROVEN;
		if (proven != dead[t])
			fail(tally, seed, t, proven ? "proven, but somebody could wake it" : "dead, but not proven", NULL);
		if (again->threads[t].certainty != v->threads[t].certainty)
			fail(tally, seed, t, "a second verdict differs", NULL);
		if (v->threads[t].certainty != HD_CERT_NONE && !candidate[t])
			fail(tally, seed, t, "dead, but the cheap question did not let it through", NULL);
		tally->dead += proven;
		tally->owned += v->threads[t].certainty == HD_CERT_OWNED;
		any = any || v->threads[t].certainty != HD_CERT_NONE;
	}
	if (any != (v->kind == HD_VERDICT_DEADLOCK) || (any && (v->lead == HD_NONE || v->summary == NULL || v->n_culprits == 0)))
		fail(tally, seed, 0, "dead threads and the verdict do not agree", NULL);
	check_missing(tally, seed, s, v);
	tally->passed += tally->failed == failed;
	hd_snapshot_free(s);
}

int main(void)
{
	uint64_t n = tr_env("HD_PROP_N", 20000), first = tr_env("HD_PROP_SEED", 1);
	struct tally tally = {0};
	for (uint64_t seed = first; seed < first + n; seed++)
		run(&tally, seed);
	printf("prop_decide: %llu snapshots, %llu proven and %llu owned threads, %llu facts spoilt\n", (unsigned long long)n,
	       (unsigned long long)tally.dead, (unsigned long long)tally.owned, (unsigned long long)tally.spoilt);
	printf("prop_decide: %llu passed, %llu failed\n", (unsigned long long)tally.passed, (unsigned long long)tally.failed);
	return tally.failed > 0;
}
