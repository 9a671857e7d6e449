#include "stack/walk.h"

#include <string.h>

#include "stack/image.h"

/* Registers that a called function preserves (System V psABI x86-64): rbx, rbp, r12 to r15. */
#define CALLEE_SAVED (1u << 3 | 1u << 6 | 0xfu << 12)

enum step { STEP_ON, STEP_START, STEP_STUCK };

bool hd_walk_is_code(const struct hd_walk *walk, uint64_t addr)
{
	const struct hd_map *map = hd_maps_find(walk->query->maps, addr);
	return map != NULL && map->executable;
}

/* How far up the stack a search may go. */
uint64_t hd_walk_limit(const struct hd_walk *walk, uint64_t span)
{
	uint64_t sp = walk->regs.at[HD_REG_RSP], limit = sp + span < sp ? UINT64_MAX : sp + span;
	const struct hd_map *map = hd_maps_find(walk->query->maps, sp);
	if (map != NULL && map->end < limit)
		limit = map->end;
	if (walk->query->stack_end > sp && walk->query->stack_end < limit)
		limit = walk->query->stack_end;
	return limit;
}

struct hd_callsite hd_walk_callsite(struct hd_walk *walk, uint64_t addr, struct hd_module *ret_module)
{
	uint8_t before[7];
	*ret_module = (struct hd_module){0};
	const struct hd_map *map = hd_maps_find(walk->query->maps, addr - 1);
	if (map == NULL || !map->executable)
		return (struct hd_callsite){HD_CALL_NONE, 0};
	if (hd_modules_find(walk->modules, walk->query, addr - 1, ret_module))
		return hd_callsite_decode(ret_module->image, addr - ret_module->bias);
	size_t n = addr - map->start < sizeof(before) ? addr - map->start : sizeof(before);
	if (hd_mem_read(walk->query->mem, addr - n, before, n) < 0)
		return (struct hd_callsite){HD_CALL_NONE, 0};
	return hd_callsite_bytes(before, n, addr); /* bias 0: addresses of the process */
}

/* Where a decoded call leads in the process; 0 = not known. */
static uint64_t call_target(struct hd_walk *walk, const struct hd_module *caller, const struct hd_callsite *call)
{
	uint64_t slot = call->target, target;
	if (call->form == HD_CALL_DIRECT && (caller->image == NULL || !hd_callsite_plt(caller->image, call->target, &slot)))
		return call->target + caller->bias;
	if (call->form != HD_CALL_DIRECT && call->form != HD_CALL_SLOT)
		return 0;
	if (hd_mem_u64(walk->query->mem, slot + caller->bias, &target) < 0)
		return 0;
	/* A slot that is not bound yet leads back into the caller's own PLT. */
	const struct hd_map *map = hd_maps_find(walk->query->maps, target);
	return map == NULL || map == caller->map ? 0 : target;
}

static enum hd_link link_to(const struct hd_walk *walk, const struct hd_walk_frame *callee, uint64_t target)
{
	if (target == 0)
		return HD_LINK_UNKNOWN;
	if (callee->fn_start != 0)
		return target == callee->fn_start ? HD_LINK_MATCH : HD_LINK_MISMATCH;
	/* No tables for the callee: where its function begins is not known.  What is called in its file leads to it, or
	 * jumps to it at its end. */
	const struct hd_map *map = hd_maps_find(walk->query->maps, callee->look);
	return map != NULL && target >= map->start && target < map->end ? HD_LINK_MATCH : HD_LINK_MISMATCH;
}

enum hd_link hd_walk_link(struct hd_walk *walk, const struct hd_walk_frame *callee, const struct hd_module *caller,
			  const struct hd_callsite *call)
{
	return call->form == HD_CALL_NONE ? HD_LINK_NO_CALL : link_to(walk, callee, call_target(walk, caller, call));
}

bool hd_walk_cfa(struct hd_walk *walk, const struct hd_module *module, const struct hd_cfi_row *row,
		 const struct hd_registers *regs, uint64_t *ret)
{
	if (row->cfa.kind == HD_RULE_EXPR)
		return hd_cfi_eval(module->image, &row->cfa, regs, walk->mem, module->bias, NULL, ret);
	if (!hd_register_known(regs, row->cfa.reg))
		return false;
	*ret = regs->at[row->cfa.reg] + (uint64_t)row->cfa.value;
	return true;
}

static bool rule_apply(struct hd_walk *walk, const struct hd_module *module, const struct hd_cfi_row *row, unsigned reg,
		       uint64_t cfa, uint64_t *ret)
{
	const struct hd_rule *rule = &row->regs[reg];
	const struct hd_registers *regs = &walk->regs;
	switch (rule->kind) {
	case HD_RULE_DEFAULT:
		*ret = regs->at[reg];
		return (CALLEE_SAVED >> reg & 1) != 0 && hd_register_known(regs, reg);
	case HD_RULE_SAME:
		*ret = regs->at[reg];
		return hd_register_known(regs, reg);
	case HD_RULE_OFFSET:
		return hd_mem_u64(walk->mem, cfa + (uint64_t)rule->value, ret) == 0;
	case HD_RULE_VAL_OFFSET:
		*ret = cfa + (uint64_t)rule->value;
		return true;
	case HD_RULE_REGISTER:
		if (!hd_register_known(regs, rule->reg))
			return false;
		*ret = regs->at[rule->reg];
		return true;
	case HD_RULE_EXPR: {
		uint64_t addr;
		return hd_cfi_eval(module->image, rule, regs, walk->mem, module->bias, &cfa, &addr) &&
		       hd_mem_u64(walk->mem, addr, ret) == 0;
	}
	case HD_RULE_VAL_EXPR:
		return hd_cfi_eval(module->image, rule, regs, walk->mem, module->bias, &cfa, ret);
	default:
		return false;
	}
}

/* Most registers keep their value or are lost; only what the row has a rule for takes work. */
static bool registers_up(struct hd_walk *walk, const struct hd_module *module, const struct hd_cfi_row *row, uint64_t cfa)
{
	struct hd_registers up = walk->regs;
	up.known &= CALLEE_SAVED;
	up.known &= ~row->ruled;
	for (uint32_t left = row->ruled; left != 0; left &= left - 1) {
		unsigned reg = (unsigned)__builtin_ctz(left);
		if (rule_apply(walk, module, row, reg, cfa, &up.at[reg]))
			up.known |= 1u << reg;
	}
	if (row->ra != HD_REG_RIP && rule_apply(walk, module, row, row->ra, cfa, &up.at[HD_REG_RIP]))
		up.known |= 1u << HD_REG_RIP;
	if ((row->ruled >> HD_REG_RSP & 1) == 0) {
		up.at[HD_REG_RSP] = cfa;
		up.known |= 1u << HD_REG_RSP;
	}
	if (!hd_register_known(&up, HD_REG_RIP) || !hd_register_known(&up, HD_REG_RSP))
		return false;
	walk->regs = up;
	return true;
}

/* The kernel's signal frame (arch/x86/include/asm/sigframe.h): at the trampoline SP points to the ucontext; the
 * registers follow from byte 40 as r8..r15 rdi rsi rbp rbx rdx rax rcx rsp rip.  For libcs without tables (musl). */
static bool step_sigreturn(struct hd_walk *walk, struct hd_walk_frame *frame)
{
	static const uint8_t code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05}; /* mov $15,%rax; syscall */
	static const uint8_t order[HD_REGS] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};
	uint8_t have[sizeof(code)];
	uint64_t saved[HD_REGS];
	if (hd_mem_read(walk->query->mem, frame->pc, have, sizeof(have)) < 0 || memcmp(have, code, sizeof(code)) != 0 ||
	    hd_mem_read(walk->mem, walk->regs.at[HD_REG_RSP] + 40, saved, sizeof(saved)) < 0)
		return false;
	frame->is_signal = true;
	for (unsigned i = 0; i < HD_REGS; i++)
		walk->regs.at[order[i]] = saved[i];
	walk->regs.known = (1u << HD_REGS) - 1;
	return true;
}

static enum step step_tables(struct hd_walk *walk, struct hd_walk_frame *frame, const struct hd_cfi_row *row)
{
	struct hd_cfi_row own;
	frame->is_signal = row->is_signal;
	if (row->regs[row->ra].kind == HD_RULE_UNDEFINED)
		return STEP_START; /* clone, clone3, _start say so */
	if (!hd_walk_cfa(walk, &frame->module, row, &walk->regs, &frame->cfa)) {
		uint64_t fp;
		bool guess;
		own = *row; /* the place may go: recovering looks at others */
		row = &own;
		if (hd_register_known(&walk->regs, HD_REG_RBP) || !hd_recover_fp(walk, frame, row, &fp, &guess))
			return STEP_STUCK;
		walk->regs.at[HD_REG_RBP] = fp;
		walk->regs.known |= 1u << HD_REG_RBP;
		walk->next_is_guess = guess;
		if (!hd_walk_cfa(walk, &frame->module, row, &walk->regs, &frame->cfa))
			return STEP_STUCK;
	}
	/* Stacks grow down.  Only a signal may have come on a stack of its own; and vfork has its return address in a register. */
	bool in_register = row->regs[row->ra].kind == HD_RULE_REGISTER && frame->cfa == walk->regs.at[HD_REG_RSP];
	if (!row->is_signal && !in_register && frame->cfa <= walk->regs.at[HD_REG_RSP])
		return STEP_STUCK;
	return registers_up(walk, &frame->module, row, frame->cfa) ? STEP_ON : STEP_STUCK;
}

static enum step step_out(struct hd_walk *walk, struct hd_walk_frame *frame, const struct hd_place *place)
{
	if (place->has_row) {
		frame->fn_start = place->row.start + frame->module.bias;
		frame->fn_end = place->row.end + frame->module.bias;
		enum step step = step_tables(walk, frame, &place->row);
		if (step != STEP_STUCK)
			return step;
	} else if (step_sigreturn(walk, frame)) {
		return STEP_ON;
	}
	return hd_recover_caller(walk, frame, &frame->cfa) ? STEP_ON : STEP_STUCK;
}

/* A call through a slot that is bound leads where it leads for good; one that is not bound yet is asked again. */
static void place_call(struct hd_walk *walk, struct hd_place *place)
{
	if (place->call_known && (place->target != 0 || (place->call.form != HD_CALL_DIRECT && place->call.form != HD_CALL_SLOT)))
		return;
	struct hd_module module;
	place->call = hd_walk_callsite(walk, place->look + 1, &module);
	place->target = place->call.form != HD_CALL_NONE ? call_target(walk, &place->module, &place->call) : 0;
	place->call_known = place->module.image != NULL; /* code without a file may be written anew at any time */
}

static struct hd_place *frame_add(struct hd_walk *walk, struct hd_walk_frame *inner)
{
	struct hd_walk_frame *frame = &walk->frames[walk->n];
	bool after_call = inner != NULL ? !inner->is_signal : walk->starts_after_call;
	*frame = (struct hd_walk_frame){.pc = walk->regs.at[HD_REG_RIP]};
	frame->look = frame->pc - (after_call ? 1 : 0);
	struct hd_place *place = hd_memo_at(walk->memo, walk->modules, walk->query, frame->look);
	if (place == NULL)
		return NULL;
	frame->module = place->module;
	if (after_call && inner != NULL) {
		place_call(walk, place);
		frame->call = place->call;
		frame->link = place->call.form == HD_CALL_NONE ? HD_LINK_NO_CALL : link_to(walk, inner, place->target);
		frame->is_guess = walk->next_is_guess || (inner->is_guess && frame->link != HD_LINK_MATCH);
	}
	walk->next_is_guess = false;
	walk->n++;
	return place;
}

void hd_walk_run(struct hd_walk *walk)
{
	struct hd_walk_frame *inner = NULL;
	walk->n = 0;
	walk->is_complete = walk->is_partial = walk->next_is_guess = false;
	for (;;) {
		if (walk->n == walk->max) {
			walk->is_partial = true;
			return;
		}
		struct hd_place *place = frame_add(walk, inner);
		if (place == NULL)
			return;
		struct hd_walk_frame *frame = &walk->frames[walk->n - 1];
		enum step step = step_out(walk, frame, place);
		if (step != STEP_ON) {
			walk->is_complete = step == STEP_START;
			return;
		}
		inner = frame;
	}
}
