/* DWARF expressions as they occur in call frame information (DWARF 5 section 2.5): bounded stack and steps. */
#include <dwarf.h>

#include "stack/cfi.h"
#include "stack/cursor.h"
#include "stack/image.h"

#define EXPR_MAX 1024
#define DEPTH_MAX 64
#define STEPS_MAX 4096

struct stack_machine {
	struct hd_cursor c;
	const struct hd_registers *regs;
	struct hd_mem *mem;
	uint64_t bias;
	uint64_t at[DEPTH_MAX];
	unsigned n;
	bool bad;
};

static void push(struct stack_machine *m, uint64_t v)
{
	if (m->n < DEPTH_MAX)
		m->at[m->n++] = v;
	else
		m->bad = true;
}

static uint64_t pop(struct stack_machine *m)
{
	if (m->n > 0)
		return m->at[--m->n];
	m->bad = true;
	return 0;
}

static void push_register(struct stack_machine *m, uint64_t reg, int64_t add)
{
	if (reg < HD_REGS && hd_register_known(m->regs, (unsigned)reg))
		push(m, m->regs->at[reg] + (uint64_t)add);
	else
		m->bad = true;
}

static void deref(struct stack_machine *m, size_t size)
{
	uint64_t addr = pop(m), v = 0;
	if (m->bad || size == 0 || size > 8 || hd_mem_read(m->mem, addr, &v, size) < 0)
		m->bad = true;
	else
		push(m, v);
}

static void pick(struct stack_machine *m, uint64_t depth)
{
	if (depth < m->n)
		push(m, m->at[m->n - 1 - depth]);
	else
		m->bad = true;
}

static void rotate(struct stack_machine *m)
{
	uint64_t a = pop(m), b = pop(m), c = pop(m);
	push(m, a);
	push(m, c);
	push(m, b);
}

static void branch(struct stack_machine *m, bool taken)
{
	int64_t by = hd_cursor_int(&m->c, 2), to = (int64_t)m->c.at + by;
	if (!taken)
		return;
	if (to < 0 || to > (int64_t)m->c.len)
		m->bad = true;
	else
		m->c.at = (size_t)to;
}

static uint64_t divide(int64_t x, int64_t y, bool *bad)
{
	*bad |= y == 0 || (y == -1 && x == INT64_MIN);
	return *bad ? 0 : (uint64_t)(x / y);
}

static uint64_t modulo(uint64_t a, uint64_t b, bool *bad)
{
	*bad |= b == 0;
	return *bad ? 0 : a % b;
}

/* Numbers are unsigned but where DWARF says otherwise: division, shra and comparisons. */
static uint64_t binary(uint8_t op, uint64_t a, uint64_t b, bool *bad)
{
	int64_t x = (int64_t)a, y = (int64_t)b;
	switch (op) {
	case DW_OP_and: return a & b;
	case DW_OP_div: return divide(x, y, bad);
	case DW_OP_minus: return a - b;
	case DW_OP_mod: return modulo(a, b, bad);
	case DW_OP_mul: return a * b;
	case DW_OP_or: return a | b;
	case DW_OP_plus: return a + b;
	case DW_OP_shl: return b < 64 ? a << b : 0;
	case DW_OP_shr: return b < 64 ? a >> b : 0;
	/* cppcheck-suppress shiftTooManyBitsSigned ; an arithmetic shift, as DWARF wants and gcc and clang promise */
	case DW_OP_shra: return (uint64_t)(x >> (b < 64 ? b : 63));
	case DW_OP_xor: return a ^ b;
	case DW_OP_eq: return x == y;
	case DW_OP_ge: return x >= y;
	case DW_OP_gt: return x > y;
	case DW_OP_le: return x <= y;
	case DW_OP_lt: return x < y;
	case DW_OP_ne: return x != y;
	default: *bad = true; return 0;
	}
}

static bool unary(struct stack_machine *m, uint8_t op)
{
	switch (op) {
	case DW_OP_abs: {
		uint64_t v = pop(m);
		push(m, (int64_t)v < 0 ? -v : v);
		return true;
	}
	case DW_OP_neg: push(m, -pop(m)); return true;
	case DW_OP_not: push(m, ~pop(m)); return true;
	case DW_OP_plus_uconst: push(m, pop(m) + hd_cursor_uleb(&m->c)); return true;
	case DW_OP_deref: deref(m, 8); return true;
	case DW_OP_deref_size: deref(m, hd_cursor_uint(&m->c, 1)); return true;
	default: return false;
	}
}

/* const1u, const1s, const2u, ... const8s follow each other. */
static void fixed_constant(struct stack_machine *m, uint8_t op)
{
	unsigned i = op - DW_OP_const1u;
	size_t size = (size_t)1 << (i / 2);
	push(m, i % 2 == 0 ? hd_cursor_uint(&m->c, size) : (uint64_t)hd_cursor_int(&m->c, size));
}

static bool constant(struct stack_machine *m, uint8_t op)
{
	if (op >= DW_OP_lit0 && op <= DW_OP_lit31)
		push(m, op - (unsigned)DW_OP_lit0);
	else if (op >= DW_OP_const1u && op <= DW_OP_const8s)
		fixed_constant(m, op);
	else if (op == DW_OP_addr)
		push(m, hd_cursor_uint(&m->c, 8) + m->bias);
	else if (op == DW_OP_constu)
		push(m, hd_cursor_uleb(&m->c));
	else if (op == DW_OP_consts)
		push(m, (uint64_t)hd_cursor_sleb(&m->c));
	else if (op >= DW_OP_breg0 && op <= DW_OP_breg31)
		push_register(m, op - (unsigned)DW_OP_breg0, hd_cursor_sleb(&m->c));
	else if (op == DW_OP_bregx) {
		uint64_t reg = hd_cursor_uleb(&m->c);
		push_register(m, reg, hd_cursor_sleb(&m->c));
	} else
		return false;
	return true;
}

static void swap(struct stack_machine *m)
{
	uint64_t a = pop(m), b = pop(m);
	push(m, a);
	push(m, b);
}

static bool shuffle(struct stack_machine *m, uint8_t op)
{
	switch (op) {
	case DW_OP_nop: return true;
	case DW_OP_dup: pick(m, 0); return true;
	case DW_OP_drop: (void)pop(m); return true;
	case DW_OP_over: pick(m, 1); return true;
	case DW_OP_pick: pick(m, hd_cursor_uint(&m->c, 1)); return true;
	case DW_OP_swap: swap(m); return true;
	case DW_OP_rot: rotate(m); return true;
	case DW_OP_skip: branch(m, true); return true;
	case DW_OP_bra: branch(m, pop(m) != 0); return true;
	default: return false;
	}
}

static void step(struct stack_machine *m)
{
	uint8_t op = (uint8_t)hd_cursor_uint(&m->c, 1);
	if (constant(m, op) || shuffle(m, op) || unary(m, op))
		return;
	uint64_t b = pop(m), a = pop(m);
	push(m, binary(op, a, b, &m->bad));
}

bool hd_cfi_eval(struct hd_image *image, const struct hd_rule *rule, const struct hd_registers *regs, struct hd_mem *mem,
		 uint64_t bias, const uint64_t *first, uint64_t *ret)
{
	uint8_t bytes[EXPR_MAX];
	if (rule->expr_len > sizeof(bytes) || hd_image_pread(image, (uint64_t)rule->value, bytes, rule->expr_len) < 0)
		return false;
	struct stack_machine m = {.c = {.bytes = bytes, .len = rule->expr_len}, .regs = regs, .mem = mem, .bias = bias};
	if (first != NULL)
		push(&m, *first);
	for (int steps = 0; !hd_cursor_done(&m.c) && !m.bad; steps++) {
		if (steps == STEPS_MAX)
			return false;
		step(&m);
	}
	if (m.bad || m.c.bad || m.n == 0)
		return false;
	*ret = m.at[m.n - 1];
	return true;
}
