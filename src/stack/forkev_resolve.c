/* The resolving half of fork evidence: from what was kept at the birth, and from what the child's memory still holds, to
 * stacks that people read.  Runs only when the child hangs.  Collecting is os/forkev.c. */
#include <string.h>

#include "hangdog/forkev.h"
#include "hangdog/merge.h"
#include "parse/tcb.h"
#include "stack/unwinder.h"

static struct hd_stack stack_copy(const struct hd_stack *from, struct hd_arena *arena)
{
	struct hd_stack copy = *from;
	copy.at = hd_arena_dup(arena, from->at, from->n * sizeof(*from->at));
	for (uint32_t i = 0; i < copy.n; i++) {
		struct hd_frame *f = &copy.at[i];
		f->function = hd_arena_str(arena, f->function);
		f->module = hd_arena_str(arena, f->module);
		f->file = hd_arena_str(arena, f->file);
		f->symbol = hd_arena_str(arena, f->symbol);
		f->called_as = hd_arena_str(arena, f->called_as);
	}
	return copy;
}

static struct hd_stack merged(const struct hd_stack *native, const struct hd_stack *python, struct hd_arena *arena)
{
	if (python->n == 0)
		return *native;
	struct hd_stack copy = stack_copy(python, arena);
	return native->n != 0 ? hd_stack_merge(native, &copy, arena) : copy;
}

/* Does the child still hold the dead thread's stack?  Once it makes threads of its own they are put there. */
static bool stack_is_intact(const struct hd_fork_other *other, struct hd_mem *mem)
{
	int32_t tid;
	return other->tls == 0 || (hd_tcb_read(mem, other->tls, &tid) && (tid == 0 || tid == other->ns_tid));
}

static void resolve_other(struct hd_fork_other *other, const struct hd_fork_raw_other *raw, struct hd_unwinder *unwinder,
			  const struct hd_unwind_query *child, struct hd_arena *arena)
{
	struct hd_unwind_query query = *child;
	struct hd_stack native = {0};
	query.regs = raw->regs;
	query.stack_end = other->tls;
	other->name = hd_arena_str(arena, other->name);
	if (stack_is_intact(other, child->mem)) {
		hd_unwind_dead(unwinder, &query, other->tls, arena, &native);
		/* A sample that leads nowhere (the thread had been running): what the stack itself tells is better. */
		if (!native.is_complete && raw->regs.sp != 0 && other->tls != 0) {
			struct hd_stack scanned = {0};
			query.regs = (struct hd_regs){0};
			hd_unwind_dead(unwinder, &query, other->tls, arena, &scanned);
			if (scanned.is_complete) {
				native = scanned;
				other->is_approximate = true;
			}
		}
		if (raw->regs.sp == 0 && native.n != 0)
			other->is_approximate = true;
	}
	other->stack = merged(&native, &raw->python, arena);
}

struct hd_fork *hd_forkev_resolve(const struct hd_fork *fork, struct hd_unwinder *unwinder, const struct hd_unwind_query *child,
				  struct hd_arena *arena)
{
	const struct hd_fork_raw *raw = fork->raw;
	struct hd_fork *ret = HD_NEW(arena, struct hd_fork);
	*ret = *fork;
	ret->raw = NULL;
	ret->others = hd_arena_dup(arena, fork->others, fork->n_others * sizeof(*fork->others));
	if (raw == NULL) { /* resolved before: copy only */
		ret->stack = stack_copy(&fork->stack, arena);
		for (uint32_t i = 0; i < ret->n_others; i++) {
			ret->others[i].name = hd_arena_str(arena, fork->others[i].name);
			ret->others[i].stack = stack_copy(&fork->others[i].stack, arena);
		}
		return ret;
	}
	struct hd_mem_layer layer;
	struct hd_unwind_query query = *child;
	struct hd_stack native;
	hd_mem_layer_init(&layer, child->mem, raw->stack_addr, raw->stack, raw->stack_len);
	query.mem = raw->stack_len != 0 ? &layer.mem : child->mem;
	query.regs = raw->regs;
	query.stack_end = 0;
	hd_unwind(unwinder, &query, arena, &native);
	ret->stack = merged(&native, &raw->python, arena);
	for (uint32_t i = 0; i < ret->n_others; i++)
		resolve_other(&ret->others[i], &raw->others[i], unwinder, child, arena);
	return ret;
}

/* ---- the fork was not seen ------------------------------------------------------------------------------------------------ */

static const struct hd_map *main_stack(const struct hd_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		if (strcmp(maps->at[i].path, "[stack]") == 0)
			return &maps->at[i];
	return NULL;
}

static void dig_one(struct hd_fork *fork, uint64_t tls, uint64_t end, struct hd_unwinder *unwinder,
		    const struct hd_unwind_query *child, struct hd_arena *arena)
{
	struct hd_unwind_query query = *child;
	struct hd_stack stack = {0};
	query.regs = (struct hd_regs){0};
	query.stack_end = end;
	hd_unwind_dead(unwinder, &query, end, arena, &stack);
	if (stack.is_complete)
		fork->others[fork->n_others++] = (struct hd_fork_other){
			.how = HD_HOW_UNKNOWN, .nr = -1, .tls = tls, .stack = stack, .is_approximate = true};
}

struct hd_fork *hd_forkev_dig(struct hd_unwinder *unwinder, const struct hd_unwind_query *child, struct hd_arena *arena)
{
	struct hd_tcbs tcbs = hd_tcbs_find(child->mem, child->maps, UINT32_MAX, arena);
	const struct hd_map *stack = main_stack(child->maps);
	struct hd_fork *fork = HD_NEW(arena, struct hd_fork);
	bool main_is_alive = stack == NULL || (child->regs.sp >= stack->start && child->regs.sp < stack->end);
	fork->others = HD_NEW_N(arena, tcbs.n + 1u, struct hd_fork_other);
	for (uint32_t i = 0; i < tcbs.n; i++) {
		const struct hd_map *map = hd_maps_find(child->maps, tcbs.at[i].addr);
		bool own_stack = map != NULL && tcbs.at[i].addr - map->start >= 16384;
		if (tcbs.at[i].tid == 0 && own_stack)
			dig_one(fork, tcbs.at[i].addr, tcbs.at[i].addr, unwinder, child, arena);
	}
	/* Forked from another thread than the main one: that lies dead on the first stack. */
	if (!main_is_alive && child->regs.sp != 0)
		dig_one(fork, 0, stack->end, unwinder, child, arena);
	return fork->n_others != 0 ? fork : NULL;
}
