#include "os/lock_place.h"

#include <inttypes.h>
#include <string.h>

#include "hangdog/tls.h"
#include "parse/tcb.h"

#define PLACED_MAX 64u /* locks of one process */

/* ---- by symbols ------------------------------------------------------------------------------------------------------- */

/* "pool+0x28 (in a.out)" */
static const char *symbol_text(const struct hd_data_symbol *symbol, struct hd_arena *arena)
{
	if (symbol->offset == 0)
		return hd_arena_printf(arena, "%s (in %s)", symbol->name, hd_path_base(symbol->module));
	return hd_arena_printf(arena, "%s+%#" PRIx64 " (in %s)", symbol->name, symbol->offset, hd_path_base(symbol->module));
}

/* Memory of the kernel's own making (shmem) has no name that people know; its path is only what it was made by. */
static const char *shared_text(const struct hd_map *map, uint64_t addr, struct hd_arena *arena)
{
	uint64_t at = map->offset + (addr - map->start);
	if (strncmp(map->path, "/SYSV", 5) == 0)
		return hd_arena_printf(arena, "in a System V shared memory segment, at %#" PRIx64, at);
	if (map->path[0] != '/' || strcmp(map->path, "/dev/zero") == 0)
		return hd_arena_printf(arena, "in memory shared between processes, at %#" PRIx64, at);
	return hd_arena_printf(arena, "in memory shared between processes (%s, at %#" PRIx64 ")", map->path + (strncmp(map->path, "/memfd:", 7) == 0),
			       at);
}

static const char *map_text(const struct hd_maps *maps, uint64_t addr, struct hd_arena *arena)
{
	const struct hd_map *map = hd_maps_find(maps, addr);
	if (map == NULL)
		return NULL;
	if (map->shared)
		return shared_text(map, addr, arena);
	if (strcmp(map->path, "[heap]") == 0)
		return "in the heap";
	if (strncmp(map->path, "[stack", 6) == 0)
		return "on the stack of the main thread";
	if (map->path[0] != '/')
		return "in allocated memory";
	return hd_arena_printf(arena, "in %s, which is mapped, at %#" PRIx64, hd_path_base(map->path), map->offset + (addr - map->start));
}

void hd_lock_name(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, struct hd_arena *arena, struct hd_lock *lock)
{
	struct hd_data_symbol symbol;
	if (lock->name != NULL || lock->base == 0 || lock->kind == HD_LOCK_GIL)
		return;
	bool is_data = hd_unwind_data_symbol(unwinder, query, lock->base, /* want_members= */ false, arena, &symbol);
	if (is_data && symbol.name == NULL) {
		lock->variable_address_note =
			hd_arena_printf(arena, "in the data of %s, at %#" PRIx64, hd_path_base(symbol.module), symbol.offset);
	} else if (!is_data) {
		lock->variable_address_note = map_text(query->maps, lock->base, arena);
	} else if (strstr(symbol.name, "__waiter_pool_base") != NULL) {
		/* libstdc++ waits for std::barrier and the like on a word of a pool (bits/atomic_wait.h): not the object. */
		lock->base = 0;
	} else {
		lock->name = symbol_text(&symbol, arena);
	}
}

/* A name that came from a symbol, once more: with the member that it is. */
static void name_member(const struct hd_lock_places *p, struct hd_lock *lock)
{
	struct hd_lock plain = {.base = lock->base};
	struct hd_data_symbol symbol;
	hd_lock_name(p->unwinder, p->query, p->scratch, &plain);
	if (plain.name != NULL && strcmp(plain.name, lock->name) == 0 &&
	    hd_unwind_data_symbol(p->unwinder, p->query, lock->base, /* want_members= */ true, p->scratch, &symbol) && symbol.name != NULL)
		lock->name = symbol_text(&symbol, p->arena);
}

/* ---- by threads ------------------------------------------------------------------------------------------------------- */

static const struct hd_fork_other *other_at(const struct hd_lock_places *p, uint64_t tcb)
{
	const struct hd_fork *fork = p->proc->fork;
	for (uint32_t i = 0; fork != NULL && i < fork->n_others; i++) {
		if (fork->others[i].tls == tcb)
			return &fork->others[i];
	}
	return NULL;
}

static const struct hd_thread *thread_at(const struct hd_lock_places *p, int32_t ns_tid)
{
	for (uint32_t t = p->proc->first_thread; t < p->proc->first_thread + p->proc->n_threads; t++) {
		if (p->snap->threads[t].ns_tid == ns_tid && ns_tid != 0)
			return &p->snap->threads[t];
	}
	return NULL;
}

/* "thread 7 (worker)".  A thread that was never named has its program's name, which says nothing. */
static const char *named_text(const struct hd_lock_places *p, const char *what, int32_t tid, const char *name)
{
	bool is_named = name != NULL && name[0] != '\0' && !hd_text_equal(name, p->proc->comm);
	return hd_arena_printf(p->arena, is_named ? "%s %" PRId32 " (%s)" : "%s %" PRId32, what, tid, name);
}

static const char *thread_text(const struct hd_lock_places *p, const struct hd_thread *thread)
{
	if (thread->tid == p->proc->pid)
		return "the main thread";
	return named_text(p, "thread", thread->tid, thread->py_name != NULL ? thread->py_name : thread->name);
}

/* Only while its stack is still there: a thread made since may have been put in its place, and have ended too. */
static const char *other_text(const struct hd_lock_places *p, const struct hd_fork_other *other)
{
	if (other == NULL || other->tid == 0 || !other->stack.is_complete)
		return "a thread that does not exist any more";
	return named_text(p, "the parent's thread", other->tid, other->name);
}

/* Of the thread whose control block this is, or was before the fork. */
static const char *tcb_text(const struct hd_lock_places *p, uint64_t tcb, int32_t ns_tid)
{
	const struct hd_thread *thread = thread_at(p, ns_tid);
	return thread != NULL ? thread_text(p, thread) : other_text(p, other_at(p, tcb));
}

static void find_threads(struct hd_lock_places *p)
{
	if (p->tcbs != NULL)
		return;
	uint32_t n = p->proc->n_threads + (p->proc->fork != NULL ? p->proc->fork->n_others : 0);
	struct hd_tcbs *tcbs = HD_NEW(p->scratch, struct hd_tcbs);
	*tcbs = hd_tcbs_find(p->query->mem, p->query->maps, n, p->scratch);
	p->tcbs = tcbs;
	p->tls = hd_tls_find(p->unwinder, p->query, tcbs, p->scratch);
}

static bool place_in_tls(struct hd_lock_places *p, struct hd_lock *lock)
{
	struct hd_tls_symbol symbol;
	if (!hd_tls_symbol(p->tls, p->unwinder, p->query, lock->base, p->arena, &symbol))
		return false;
	const char *whose = tcb_text(p, symbol.tcb, symbol.tid);
	if (symbol.data.name != NULL) {
		lock->name = symbol_text(&symbol.data, p->arena);
		lock->variable_address_note = hd_arena_printf(p->arena, "thread-local, of %s", whose);
	} else {
		lock->variable_address_note = hd_arena_printf(p->arena, "in the thread-local data of %s, of %s, at %#" PRIx64,
							      hd_path_base(symbol.data.module), whose, symbol.data.offset);
	}
	return true;
}

/* ---- by stacks -------------------------------------------------------------------------------------------------------- */

/* The control block that ends the stack an address lies on, or the last one there is no end to. */
static const struct hd_tcb *tcb_above(const struct hd_lock_places *p, uint64_t addr)
{
	for (uint32_t i = 0; i < p->tcbs->n; i++) {
		if (p->tcbs->at[i].addr > addr)
			return p->tcbs->at[i].low <= addr ? &p->tcbs->at[i] : NULL;
	}
	return NULL;
}

/* The function in whose frame an address lies: the innermost that ends above it. */
static const char *frame_text(const struct hd_stack *stack, uint64_t addr)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		const struct hd_frame *f = &stack->at[i];
		if (f->kind == HD_FRAME_NATIVE && f->cfa > addr)
			return f->is_guess ? NULL : f->function;
	}
	return NULL;
}

static const char *stack_text(const struct hd_lock_places *p, const char *whose, const char *function)
{
	if (function == NULL)
		return hd_arena_printf(p->arena, "on the stack of %s", whose);
	return hd_arena_printf(p->arena, "on the stack of %s, a local variable of %s", whose, function);
}

/* The living thread whose stack pointer is the next one below an address, on the same stack. */
static const struct hd_thread *thread_on(const struct hd_lock_places *p, const struct hd_map *map, uint64_t addr)
{
	const struct hd_thread *found = NULL;
	for (uint32_t t = p->proc->first_thread; t < p->proc->first_thread + p->proc->n_threads; t++) {
		const struct hd_thread *thread = &p->snap->threads[t];
		if (thread->sp >= map->start && thread->sp <= addr && (found == NULL || thread->sp > found->sp))
			found = thread;
	}
	return found != NULL && tcb_above(p, found->sp) == tcb_above(p, addr) ? found : NULL;
}

/* Unwound anew: threads that stand alike share their frames, but a lock lies on the stack of one. */
static const char *living_text(const struct hd_lock_places *p, const struct hd_thread *thread, uint64_t addr)
{
	struct hd_unwind_query query = *p->query;
	struct hd_stack stack;
	const struct hd_map *map = hd_maps_find(query.maps, thread->sp);
	query.regs = (struct hd_regs){.sp = thread->sp, .pc = thread->pc};
	query.stack_end = map != NULL ? map->end : 0;
	query.names = NULL;
	query.want_lines = false;
	hd_unwind(p->unwinder, &query, p->scratch, &stack);
	return stack_text(p, thread_text(p, thread), frame_text(&stack, addr));
}

static void place_on_stack(const struct hd_lock_places *p, const struct hd_map *map, struct hd_lock *lock)
{
	const struct hd_thread *thread = thread_on(p, map, lock->base);
	const struct hd_tcb *tcb = tcb_above(p, lock->base);
	if (thread != NULL) {
		lock->variable_address_note = living_text(p, thread, lock->base);
	} else if (tcb != NULL && thread_at(p, tcb->tid) == NULL) {
		const struct hd_fork_other *other = other_at(p, tcb->addr);
		const char *function = other != NULL ? frame_text(&other->stack, lock->base) : NULL;
		lock->variable_address_note = stack_text(p, other_text(p, other), function);
	}
}

/* A thread's own block is no lock, and its address tells nothing.  Of what pools and schedulers wait for with a variable of
 * their own, their words (data/lock_words.def) say more than its name. */
static bool is_variable(const struct hd_lock *lock)
{
	static const char *const pools[] = {"rayon", "tokio", "go", "openblas", "eigen"};
	for (size_t i = 0; i < HD_COUNTOF(pools); i++) {
		if (hd_text_equal(lock->family, pools[i]))
			return false;
	}
	return lock->base != 0 && lock->kind != HD_LOCK_GIL && lock->kind != HD_LOCK_JOIN && lock->kind != HD_LOCK_TEAM;
}

static void place(struct hd_lock_places *p, struct hd_lock *lock)
{
	const struct hd_map *map = hd_maps_find(p->query->maps, lock->base);
	if (!is_variable(lock) || map == NULL)
		return;
	if (lock->name != NULL)
		name_member(p, lock);
	if (lock->name != NULL || map->shared || map->path[0] == '/')
		return;
	find_threads(p);
	if (!place_in_tls(p, lock))
		place_on_stack(p, map, lock);
}

void hd_lock_place(struct hd_lock_places *p, struct hd_lock *lock)
{
	/* Crowds wait for one lock, or each for a lock of its own: then the first few are enough for people. */
	if (lock->base != p->last.base || lock->kind != p->last.kind || !hd_text_equal(lock->name, p->last.name)) {
		p->last = p->last_placed = *lock;
		if (p->n_placed++ < PLACED_MAX)
			place(p, &p->last_placed);
	}
	lock->name = p->last_placed.name;
	lock->variable_address_note = p->last_placed.variable_address_note;
}
