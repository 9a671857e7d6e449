#include "core/holder.h"

#include <string.h>

#include "core/owner.h"
#include "core/section.h"

#define NR_FUTEX 202

static bool is_same_function(const struct hd_frame *a, const struct hd_frame *b)
{
	return a->function != NULL && b->function != NULL && strcmp(a->function, b->function) == 0 && a->module != NULL &&
	       b->module != NULL && strcmp(a->module, b->module) == 0;
}

static const struct hd_frame *first_own(const struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		if (stack->at[i].kind == HD_FRAME_PYTHON)
			return NULL;
		if (!hd_frame_is_runtime(&stack->at[i]))
			return &stack->at[i];
	}
	return NULL;
}

/* What the waiter wants to enter. */
struct section {
	const struct hd_lock *lock;
	uint64_t word;
	const struct hd_frame *own; /* where its own code wants the lock, NULL */
};

static bool waits_for_it_too(const struct section *s, const struct hd_fork_other *other)
{
	return other->nr == NR_FUTEX && other->args[0] == s->word;
}

static bool calls_guard(const struct hd_frame *f)
{
	return f->called_as != NULL ? strcmp(f->called_as, "__cxa_guard_acquire") == 0
				    : f->function != NULL && strcmp(f->function, "__cxa_guard_acquire") == 0;
}

/* Inside the C library, in a call that works under this lock. */
static bool is_in_libc(const struct section *s, const struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n && hd_frame_is_runtime(&stack->at[i]); i++) {
		const struct hd_frame *f = &stack->at[i];
		if (hd_section_same(s->lock->api, f->called_as) || hd_section_same(s->lock->api, f->function))
			return true;
	}
	return false;
}

/* In the very function that wants the lock, and not still at its gate. */
static bool is_in_function(const struct section *s, const struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		if (s->lock->kind == HD_LOCK_CXX_GUARD && calls_guard(&stack->at[i]))
			return false;
		if (s->own != NULL && is_same_function(&stack->at[i], s->own))
			return true;
	}
	return false;
}

static bool is_one_lock(const struct section *s)
{
	return hd_section_is_one_lock(s->lock->api);
}

/* The variable is made in the function that wants it, and nowhere else: "guard variable for instance()::one (in prog)".
 * Where that one was inlined, it may be made in other functions as well, and this one do other things. */
static bool is_of_function(const struct section *s)
{
	static const char prefix[] = "guard variable for ";
	const char *name = s->lock->name, *function = s->own != NULL ? s->own->function : NULL;
	if (name == NULL || function == NULL || strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return false;
	name += sizeof(prefix) - 1;
	size_t n = strlen(function);
	return strncmp(name, function, n) == 0 && strncmp(name + n, "::", 2) == 0;
}

static bool never(const struct section *s)
{
	(void)s;
	return false;
}

typedef bool inside_fn(const struct section *s, const struct hd_stack *stack);
typedef bool exact_fn(const struct section *s);

/* Kinds whose holder can be told by where it stands.  is_exact: whoever stands there holds it, nobody else does. */
static const struct {
	enum hd_lock_kind kind;
	inside_fn *is_inside;
	exact_fn *is_exact;
} rules[] = {
	{HD_LOCK_LIBC, is_in_libc, is_one_lock},
	{HD_LOCK_CXX_GUARD, is_in_function, is_of_function},
	{HD_LOCK_ONCE, is_in_function, never},
	{HD_LOCK_MALLOC, is_in_libc, never},
	{HD_LOCK_RUST, is_in_function, never},
	{HD_LOCK_MUTEX, is_in_function, never},
	{HD_LOCK_RWLOCK_READ, is_in_function, never},
	{HD_LOCK_RWLOCK_WRITE, is_in_function, never},
	{HD_LOCK_SEMAPHORE, is_in_function, never},
	{HD_LOCK_UNKNOWN, is_in_function, never},
};

/* The only thread of the parent that stood inside; of several, nobody in particular is named. */
static struct hd_fork_holder by_place(const struct hd_fork *fork, const struct section *s)
{
	struct hd_fork_holder none = {.other = HD_NONE}, ret = none;
	size_t rule = 0;
	while (rule < HD_COUNTOF(rules) && rules[rule].kind != s->lock->kind)
		rule++;
	if (rule == HD_COUNTOF(rules))
		return none;
	for (uint32_t i = 0; i < fork->n_others; i++) {
		const struct hd_fork_other *other = &fork->others[i];
		if (waits_for_it_too(s, other) || !rules[rule].is_inside(s, &other->stack))
			continue;
		if (ret.other != HD_NONE)
			return none;
		bool is_sure = rules[rule].is_exact(s) && !other->is_approximate && other->how != HD_HOW_UNKNOWN;
		ret = (struct hd_fork_holder){.other = i, .tid = other->tid, .confidence = is_sure ? HD_CONF_HIGH : HD_CONF_LOW};
	}
	return ret;
}

/* What the owner word or the fork evidence says. */
static struct hd_fork_holder by_record(const struct hd_fork *fork, const struct hd_thread *th, const struct hd_owner *owner)
{
	struct hd_fork_holder ret = {.other = HD_NONE};
	if (owner->state == HD_OWNER_INHERITED) {
		ret = (struct hd_fork_holder){.other = owner->fork_other, .tid = owner->tid, .confidence = owner->confidence};
	} else if (th->lock.fork_owner_tid > 0) {
		ret.tid = th->lock.fork_owner_tid;
		ret.confidence = th->lock.fork_owner_confidence;
	}
	for (uint32_t i = 0; ret.tid != 0 && ret.other == HD_NONE && i < fork->n_others; i++) {
		if (fork->others[i].tid == ret.tid)
			ret.other = i;
	}
	/* Found by its stack in the copy's memory, where the number is gone: the only one that was left behind is the holder. */
	if (owner->state == HD_OWNER_INHERITED && ret.other == HD_NONE && fork->n_others == 1 && fork->others[0].tid == 0) {
		ret.other = 0;
		ret.confidence = HD_CONF_LOW;
	}
	return ret;
}

/* Nothing says who: but the parent had one other thread only.  The forking thread could have taken it as well. */
static struct hd_fork_holder by_elimination(const struct hd_fork *fork, const struct section *s)
{
	struct hd_fork_holder ret = {.other = HD_NONE};
	if (fork->n_others != 1 || fork->parent_threads != 2 || waits_for_it_too(s, &fork->others[0]))
		return ret;
	return (struct hd_fork_holder){.other = 0, .tid = fork->others[0].tid, .confidence = HD_CONF_LOW};
}

bool hd_holder_has_rival(const struct hd_thread *th)
{
	return th->lock.owner_tid == 0 && th->lock.owner_tcb == 0 && th->lock.inside_tid != 0 && th->lock.inside_tid != th->tid;
}

struct hd_fork_holder hd_fork_holder_find(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t)
{
	const struct hd_thread *th = &snap->threads[t];
	const struct hd_owner *owner = &v->threads[t].owner;
	const struct hd_fork *fork = hd_proc_fork(&snap->procs[th->proc]);
	struct hd_fork_holder ret = {.other = HD_NONE};
	if (fork == NULL || th->n_words == 0)
		return ret;
	ret = by_record(fork, th, owner);
	if (ret.tid != 0 && hd_holder_has_rival(th))
		ret.confidence = HD_CONF_LOW;
	if (ret.tid != 0 || owner->state != HD_OWNER_NONE)
		return ret;
	struct section s = {.lock = &th->lock, .word = th->words[0].addr, .own = first_own(&th->stack)};
	ret = by_place(fork, &s);
	return ret.tid != 0 ? ret : by_elimination(fork, &s);
}
