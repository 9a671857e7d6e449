/* DWARF expressions as they occur in call frame information (DWARF 5 section 2.5): bounded stack and steps. */
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

static uint64_t binary(uint8_t op, uint64_t a, uint64_t b, bool *bad)
{
	int64_t x = (int64_t)a, y = (int64_t)b;
	switch (op) {
	case 0x1a: return a & b;
	case 0x1b: /* div is signed */
		*bad |= b == 0 || (y == -1 && x == INT64_MIN);
		return *bad ? 0 : (uint64_t)(x / y);
	case 0x1c: return a - b;
	case 0x1d:
		*bad |= b == 0;
		return *bad ? 0 : a % b;
	case 0x1e: return a * b;
	case 0x21: return a | b;
	case 0x22: return a + b;
	case 0x24: return b < 64 ? a << b : 0;
	case 0x25: return b < 64 ? a >> b : 0;
	/* cppcheck-suppress shiftTooManyBitsSigned ; an arithmetic shift, as DWARF wants and gcc and clang promise */
	case 0x26: return (uint64_t)(x >> (b < 64 ? b : 63));
	case 0x27: return a ^ b;
	case 0x29: return x == y;
	case 0x2a: return x >= y;
	case 0x2b: return x > y;
	case 0x2c: return x <= y;
	case 0x2d: return x < y;
	case 0x2e: return x != y;
	default: *bad = true; return 0;
	}
}

static void unary(struct stack_machine *m, uint8_t op)
{
	uint64_t v = pop(m);
	if (op == 0x19)
		push(m, (int64_t)v < 0 ? -v : v);
	else if (op == 0x1f)
		push(m, -v);
	else if (op == 0x20)
		push(m, ~v);
	else
		push(m, v + hd_cursor_uleb(&m->c)); /* 0x23 plus_uconst */
}

static bool constant(struct stack_machine *m, uint8_t op)
{
	if (op >= 0x30 && op <= 0x4f)
		push(m, op - 0x30u);
	else if (op == 0x03)
		push(m, hd_cursor_uint(&m->c, 8) + m->bias);
	else if (op >= 0x08 && op <= 0x0f) { /* const1u, const1s, const2u, ... const8s */
		size_t size = (size_t)1 << ((op - 0x08) / 2);
		push(m, op % 2 == 0 ? hd_cursor_uint(&m->c, size) : (uint64_t)hd_cursor_int(&m->c, size));
	} else if (op == 0x10)
		push(m, hd_cursor_uleb(&m->c));
	else if (op == 0x11)
		push(m, (uint64_t)hd_cursor_sleb(&m->c));
	else
		return false;
	return true;
}

static bool shuffle(struct stack_machine *m, uint8_t op)
{
	switch (op) {
	case 0x12: pick(m, 0); return true;
	case 0x13: (void)pop(m); return true;
	case 0x14: pick(m, 1); return true;
	case 0x15: pick(m, hd_cursor_uint(&m->c, 1)); return true;
	case 0x16: {
		uint64_t a = pop(m), b = pop(m);
		push(m, a);
		push(m, b);
		return true;
	}
	case 0x17: rotate(m); return true;
	default: return false;
	}
}

static void step(struct stack_machine *m)
{
	uint8_t op = (uint8_t)hd_cursor_uint(&m->c, 1);
	if (constant(m, op) || shuffle(m, op))
		return;
	if (op >= 0x70 && op <= 0x8f)
		push_register(m, op - 0x70u, hd_cursor_sleb(&m->c));
	else if (op == 0x92) {
		uint64_t reg = hd_cursor_uleb(&m->c);
		push_register(m, reg, hd_cursor_sleb(&m->c));
	} else if (op == 0x06)
		deref(m, 8);
	else if (op == 0x94)
		deref(m, hd_cursor_uint(&m->c, 1));
	else if (op == 0x19 || op == 0x1f || op == 0x20 || op == 0x23)
		unary(m, op);
	else if (op == 0x2f)
		branch(m, true);
	else if (op == 0x28)
		branch(m, pop(m) != 0);
	else if (op != 0x96) { /* nop */
		uint64_t b = pop(m), a = pop(m);
		push(m, binary(op, a, b, &m->bad));
	}
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
