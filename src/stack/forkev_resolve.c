/* The resolving half of fork evidence: from what was kept at the birth, and from what the child's memory still holds, to
 * stacks that people read.  Runs only when the child hangs.  Collecting is os/forkev.c. */
#include <string.h>

#include "hangdog/copy.h"
#include "hangdog/forkev.h"
#include "hangdog/merge.h"
#include "hangdog/procfs.h"
#include "parse/proc_task.h"
#include "parse/tcb.h"
#include "stack/unwinder.h"

#define STACK_MIN 16384u /* PTHREAD_STACK_MIN: what is smaller is the main thread's block, not a stack */

static struct hd_stack merged(const struct hd_stack *native, const struct hd_stack *python, struct hd_arena *arena)
{
	if (python->n == 0)
		return *native;
	struct hd_stack copy = hd_stack_copy(python, arena);
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
	other->holds = hd_arena_str(arena, other->holds);
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
	if (raw == NULL) /* resolved before */
		return hd_fork_copy(fork, arena);
	struct hd_fork *ret = HD_NEW(arena, struct hd_fork);
	*ret = *fork;
	ret->raw = NULL;
	ret->others = hd_arena_dup(arena, fork->others, fork->n_others * sizeof(*fork->others));
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

/* Does this thread run on a stack that was made for a thread?  Then the main thread's own lies idle. */
static bool runs_on(const struct hd_tcbs *tcbs, uint64_t sp)
{
	for (uint32_t i = 0; i < tcbs->n; i++)
		if (sp >= tcbs->at[i].low && sp < tcbs->at[i].addr && tcbs->at[i].tid != 0)
			return true;
	return false;
}

static void name_from_parent(struct hd_fork_other *other, int32_t parent, int32_t tid, uint64_t child_start,
			     struct hd_arena *arena)
{
	uint64_t start;
	char *name;
	size_t len;
	if (tid == 0 || hd_procfs_start(parent, tid, &start) < 0 || start > child_start)
		return; /* ended, or a younger thread on the same stack */
	other->tid = other->ns_tid = tid;
	if (hd_procfs_text(arena, 64, &name, &len, "/proc/%d/task/%d/comm", parent, tid) == 0 && len > 0) {
		name[len - 1] = '\0'; /* the newline */
		other->name = name;
	}
}

/* The control blocks of the dead threads, as an ancestor has them: how many are there at all.  While a thread lives on in
 * the process that it belonged to, that one's copy of its control block has its number; in copies the number is gone. */
static uint32_t ask_ancestor(struct hd_fork *fork, int32_t pid, uint64_t child_start, struct hd_arena *arena)
{
	struct hd_mem_live live;
	uint32_t n = 0;
	if (hd_mem_live_open(&live, pid) < 0)
		return 0;
	for (uint32_t i = 0; i < fork->n_others; i++) {
		struct hd_fork_other *other = &fork->others[i];
		int32_t tid;
		if (other->tls == 0 || other->tid != 0 || !hd_tcb_read(&live.mem, other->tls, &tid))
			continue;
		n++;
		name_from_parent(other, pid, tid, child_start, arena);
		if (other->tid != 0 && fork->parent_pid != 0)
			other->pid = pid;
	}
	hd_mem_live_close(&live);
	return n;
}

static bool stat_of(int32_t pid, struct hd_stat *ret, struct hd_arena *arena)
{
	char *text;
	size_t len;
	return hd_procfs_text(arena, 4096, &text, &len, "/proc/%d/stat", pid) == 0 && hd_stat_parse(text, ret) == 0;
}

#define GENERATIONS_MAX 16

/* Whose threads they were: the parent's, or those of an older process that the parent is itself a copy of.  Who adopted an
 * orphan has no control blocks at those addresses, so that is not taken for its parent. */
static void find_parent(struct hd_fork *fork, const struct hd_unwind_query *child, struct hd_arena *arena)
{
	struct hd_stat stat;
	if (!stat_of(child->pid, &stat, arena))
		return;
	uint64_t child_start = child->start != 0 ? child->start : stat.start;
	for (int i = 0; i < GENERATIONS_MAX && stat.ppid > 1; i++) {
		int32_t pid = stat.ppid;
		if (ask_ancestor(fork, pid, child_start, arena) == 0 || !stat_of(pid, &stat, arena))
			return;
		if (fork->parent_pid == 0) {
			fork->parent_pid = pid;
			fork->parent_start = stat.start;
		}
		child_start = stat.start;
	}
}

struct hd_fork *hd_forkev_dig(struct hd_unwinder *unwinder, const struct hd_unwind_query *child, struct hd_arena *arena)
{
	struct hd_tcbs tcbs = hd_tcbs_find(child->mem, child->maps, UINT32_MAX, arena);
	const struct hd_map *stack = main_stack(child->maps);
	struct hd_fork *fork = HD_NEW(arena, struct hd_fork);
	fork->others = HD_NEW_N(arena, tcbs.n + 1u, struct hd_fork_other);
	for (uint32_t i = 0; i < tcbs.n; i++) {
		const struct hd_map *map = hd_maps_find(child->maps, tcbs.at[i].addr);
		bool own_stack = map != NULL && tcbs.at[i].addr - map->start >= STACK_MIN;
		if (tcbs.at[i].tid == 0 && own_stack)
			dig_one(fork, tcbs.at[i].addr, tcbs.at[i].addr, unwinder, child, arena);
	}
	if (stack != NULL && runs_on(&tcbs, child->regs.sp))
		dig_one(fork, 0, stack->end, unwinder, child, arena);
	if (fork->n_others == 0)
		return NULL;
	find_parent(fork, child, arena);
	return fork;
}
