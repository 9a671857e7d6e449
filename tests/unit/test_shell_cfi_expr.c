/* DWARF expressions of call frame information: each operation as the standard has it (DWARF 5, section 2.5.1), those that
 * real unwind tables are made of, and hostile ones. */
/* covers: cfi_expr.c */
#include <criterion/criterion.h>
#include <dwarf.h>
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "stack/cfi.h"
#include "stack/image.h"

#define MEMORY 0x5000u

struct memory {
	struct hd_mem mem; /* first */
	uint64_t words[4]; /* at MEMORY */
};

static int memory_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	const struct memory *m = (const struct memory *)mem;
	if (addr < MEMORY || addr - MEMORY > sizeof(m->words) || len > sizeof(m->words) - (addr - MEMORY))
		return -EFAULT;
	memcpy(buf, (const uint8_t *)m->words + (addr - MEMORY), len);
	return 0;
}

/* A file that is its header and one expression. */
static struct hd_image *image_of(const uint8_t *expr, size_t len)
{
	struct hd_image_piece *piece = calloc(1, sizeof(*piece));
	uint8_t *bytes = calloc(1, sizeof(Elf64_Ehdr) + len);
	struct hd_image *image;
	Elf64_Ehdr head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB}, .e_machine = EM_X86_64,
			   .e_phentsize = sizeof(Elf64_Phdr)};
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), expr, len);
	*piece = (struct hd_image_piece){.len = sizeof(head) + len, .bytes = bytes};
	cr_assert_eq(hd_image_from_pieces(piece, 1, 0, "test", &image), 0);
	return image;
}

static bool eval(const uint8_t *expr, size_t len, const uint64_t *first, uint64_t *ret)
{
	struct memory memory = {.mem.read = memory_read, .words = {0x1122334455667788, 2, 0x5010, 4}};
	struct hd_registers regs = {.known = 1u << HD_REG_RSP | 1u << HD_REG_RIP | 1u << HD_REG_RBP};
	struct hd_rule rule = {.kind = HD_RULE_EXPR, .expr_len = (uint16_t)len, .value = sizeof(Elf64_Ehdr)};
	struct hd_image *image = image_of(expr, len);
	regs.at[HD_REG_RSP] = 0x7000;
	regs.at[HD_REG_RBP] = MEMORY;
	regs.at[HD_REG_RIP] = 0x102b;
	bool ok = hd_cfi_eval(image, &rule, &regs, &memory.mem, 0x10000, first, ret);
	hd_image_free(image);
	return ok;
}

#define LIT(n) (DW_OP_lit0 + (n))
#define E(...) {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})

static const struct good {
	const char *name;
	uint8_t expr[32];
	size_t len;
	uint64_t result;
} good[] = {
	/* constants */
	{"lit31", E(DW_OP_lit31), 31},
	{"addr", E(DW_OP_addr, 1, 2, 0, 0, 0, 0, 0, 0), 0x10201},
	{"const1u", E(DW_OP_const1u, 0xff), 0xff},
	{"const1s", E(DW_OP_const1s, 0xff), UINT64_MAX},
	{"const2u", E(DW_OP_const2u, 0xfe, 0xff), 0xfffe},
	{"const2s", E(DW_OP_const2s, 0xfe, 0xff), (uint64_t)-2},
	{"const4u", E(DW_OP_const4u, 0, 0, 0, 0x80), 0x80000000},
	{"const4s", E(DW_OP_const4s, 0, 0, 0, 0x80), 0xffffffff80000000},
	{"const8u", E(DW_OP_const8u, 8, 7, 6, 5, 4, 3, 2, 1), 0x0102030405060708},
	{"const8s", E(DW_OP_const8s, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), UINT64_MAX},
	{"constu", E(DW_OP_constu, 0xe5, 0x8e, 0x26), 624485},
	{"consts", E(DW_OP_consts, 0xc0, 0xbb, 0x78), (uint64_t)-123456},
	/* registers */
	{"breg7", E(DW_OP_breg0 + 7, 8), 0x7008},
	{"breg7 below", E(DW_OP_breg0 + 7, 0x78), 0x6ff8},
	{"bregx", E(DW_OP_bregx, 6, 0x10), MEMORY + 16},
	/* the stack */
	{"dup", E(LIT(3), DW_OP_dup, DW_OP_plus), 6},
	{"drop", E(LIT(3), LIT(4), DW_OP_drop), 3},
	{"over", E(LIT(9), LIT(4), DW_OP_over, DW_OP_minus), (uint64_t)-5},
	{"pick", E(LIT(9), LIT(5), LIT(4), DW_OP_pick, 2), 9},
	{"swap", E(LIT(9), LIT(4), DW_OP_swap, DW_OP_minus), (uint64_t)-5},
	{"rot: the first becomes the third", E(LIT(1), LIT(2), LIT(3), DW_OP_rot), 2},
	{"rot: and the third the second", E(LIT(1), LIT(2), LIT(3), DW_OP_rot, DW_OP_drop), 1},
	{"rot: deepest", E(LIT(1), LIT(2), LIT(3), DW_OP_rot, DW_OP_drop, DW_OP_drop), 3},
	{"nop", E(LIT(1), DW_OP_nop), 1},
	/* memory */
	{"deref", E(DW_OP_breg0 + 6, 8, DW_OP_deref), 2},
	{"deref_size", E(DW_OP_breg0 + 6, 0, DW_OP_deref_size, 2), 0x7788},
	{"deref twice", E(DW_OP_breg0 + 6, 16, DW_OP_deref, DW_OP_deref), 0x5010},
	/* one operand */
	{"abs", E(DW_OP_const1s, 0xfb, DW_OP_abs), 5},
	{"abs of what is none", E(LIT(5), DW_OP_abs), 5},
	{"neg", E(LIT(5), DW_OP_neg), (uint64_t)-5},
	{"not", E(LIT(5), DW_OP_not), ~UINT64_C(5)},
	{"plus_uconst", E(LIT(5), DW_OP_plus_uconst, 0x80, 1), 133},
	/* two */
	{"and", E(LIT(12), LIT(10), DW_OP_and), 8},
	{"or", E(LIT(12), LIT(10), DW_OP_or), 14},
	{"xor", E(LIT(12), LIT(10), DW_OP_xor), 6},
	{"plus", E(LIT(12), LIT(10), DW_OP_plus), 22},
	{"minus", E(LIT(10), LIT(12), DW_OP_minus), (uint64_t)-2},
	{"mul", E(LIT(12), LIT(10), DW_OP_mul), 120},
	{"div is signed", E(DW_OP_const1s, 0xf8, LIT(3), DW_OP_div), (uint64_t)-2},
	{"mod is not", E(DW_OP_const1s, 0xff, LIT(16), DW_OP_mod), 15},
	{"shl", E(LIT(3), LIT(4), DW_OP_shl), 48},
	{"shl by too much", E(LIT(3), DW_OP_const1u, 64, DW_OP_shl), 0},
	{"shr", E(DW_OP_const1s, 0xff, DW_OP_const1u, 60, DW_OP_shr), 15},
	{"shr by too much", E(DW_OP_const1s, 0xff, DW_OP_const1u, 200, DW_OP_shr), 0},
	{"shra", E(DW_OP_const1s, 0xf0, LIT(2), DW_OP_shra), (uint64_t)-4},
	{"shra by too much", E(DW_OP_const1s, 0xf0, DW_OP_const1u, 200, DW_OP_shra), UINT64_MAX},
	{"eq", E(LIT(3), LIT(3), DW_OP_eq), 1},
	{"ne", E(LIT(3), LIT(3), DW_OP_ne), 0},
	{"lt is signed", E(DW_OP_const1s, 0xff, LIT(3), DW_OP_lt), 1},
	{"gt is signed", E(DW_OP_const1s, 0xff, LIT(3), DW_OP_gt), 0},
	{"le", E(LIT(3), LIT(3), DW_OP_le), 1},
	{"ge", E(LIT(2), LIT(3), DW_OP_ge), 0},
	/* jumps */
	{"skip", E(LIT(1), DW_OP_skip, 1, 0, LIT(2)), 1},
	{"bra taken", E(LIT(7), LIT(1), DW_OP_bra, 1, 0, LIT(2)), 7},
	{"bra not taken", E(LIT(7), LIT(0), DW_OP_bra, 1, 0, LIT(2)), 2},
	{"a loop that ends", E(LIT(5), DW_OP_dup, LIT(0), DW_OP_eq, DW_OP_bra, 5, 0, LIT(1), DW_OP_minus, DW_OP_skip, 0xf5, 0xff, DW_OP_nop), 0},
	/* what ld writes for lazy stubs (elf64-x86-64.c, elf_x86_64_eh_frame_lazy_plt): behind the push, the stack is deeper */
	{"lazy stub", E(DW_OP_breg0 + 7, 8, DW_OP_breg0 + 16, 0, LIT(15), DW_OP_and, LIT(11), DW_OP_ge, LIT(3), DW_OP_shl, DW_OP_plus), 0x7010},
	/* what gcc writes where the stack is realigned (def_cfa_expression: breg6 -8; deref) and glibc for __restore_rt */
	{"realigned", E(DW_OP_breg0 + 6, 8, DW_OP_deref), 2},
	{"signal frame", E(DW_OP_breg0 + 7, 0xa0, 1), 0x70a0},
};

Test(cfi_expr, each_operation_does_what_the_standard_says, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(good); i++) {
		uint64_t got = 0xbad;
		cr_expect(eval(good[i].expr, good[i].len, NULL, &got), "%s", good[i].name);
		cr_expect_eq(got, good[i].result, "%s: %#lx", good[i].name, got);
	}
}

Test(cfi_expr, what_was_pushed_first_is_there, .timeout = 10)
{
	static const uint8_t expr[] = {DW_OP_plus_uconst, 16};
	uint64_t cfa = 0x7000, got;
	cr_assert(eval(expr, sizeof(expr), &cfa, &got));
	cr_expect_eq(got, 0x7010);
}

static const struct {
	const char *name;
	uint8_t expr[32];
	size_t len;
} bad[] = {
	{"nothing", {0}, 0},
	{"no such operation", E(0x01)},
	{"one that has no meaning here", E(DW_OP_call_frame_cfa)},
	{"a register that is not known", E(DW_OP_breg0 + 3, 0)},
	{"a register that does not exist", E(DW_OP_bregx, 0xff, 1, 0)},
	{"a register far off", E(DW_OP_bregx, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0)},
	{"nothing to pop", E(DW_OP_plus)},
	{"one too few", E(LIT(1), DW_OP_plus)},
	{"nothing to drop", E(DW_OP_drop, LIT(1))},
	{"nothing to rotate", E(LIT(1), LIT(2), DW_OP_rot)},
	{"nothing to duplicate", E(DW_OP_dup)},
	{"picked too deep", E(LIT(1), DW_OP_pick, 1)},
	{"an operand cut off", E(DW_OP_const8u, 1, 2)},
	{"a number cut off", E(DW_OP_constu, 0x80)},
	{"a jump cut off", E(LIT(1), DW_OP_skip, 1)},
	{"a jump before the start", E(LIT(1), DW_OP_skip, 0, 0x80)},
	{"a jump behind the end", E(LIT(1), DW_OP_skip, 0xff, 0x7f)},
	{"division by nothing", E(LIT(1), LIT(0), DW_OP_div)},
	{"modulo nothing", E(LIT(1), LIT(0), DW_OP_mod)},
	{"a quotient too large", E(DW_OP_const8u, 0, 0, 0, 0, 0, 0, 0, 0x80, DW_OP_const1s, 0xff, DW_OP_div)},
	{"memory that is not there", E(LIT(8), DW_OP_deref)},
	{"memory at the end", E(DW_OP_const1s, 0xff, DW_OP_deref)},
	{"no bytes of memory", E(DW_OP_breg0 + 6, 0, DW_OP_deref_size, 0)},
	{"too many bytes", E(DW_OP_breg0 + 6, 0, DW_OP_deref_size, 9)},
	{"round and round", E(DW_OP_skip, 0xfd, 0xff)},
	{"round and round, on the spot", E(LIT(1), DW_OP_dup, DW_OP_bra, 0xfc, 0xff)},
	{"ever deeper", E(LIT(1), DW_OP_dup, DW_OP_skip, 0xfc, 0xff)},
};

Test(cfi_expr, what_makes_no_sense_is_refused, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(bad); i++) {
		uint64_t got = 0xbad;
		cr_expect_not(eval(bad[i].expr, bad[i].len, NULL, &got), "%s", bad[i].name);
		cr_expect_eq(got, 0xbad, "%s: the result is untouched", bad[i].name);
	}
}

Test(cfi_expr, a_long_one_is_refused, .timeout = 10)
{
	uint8_t expr[2000];
	uint64_t got;
	memset(expr, DW_OP_nop, sizeof(expr));
	expr[0] = LIT(1);
	cr_expect(eval(expr, 1024, NULL, &got) && got == 1);
	cr_expect_not(eval(expr, 1025, NULL, &got));
	memset(expr, LIT(1), sizeof(expr));
	cr_expect(eval(expr, 64, NULL, &got));
	cr_expect_not(eval(expr, 65, NULL, &got), "its stack is as deep as that");
}

Test(cfi_expr, one_behind_the_end_of_the_file_is_refused, .timeout = 10)
{
	struct hd_image *image = image_of((const uint8_t[]){LIT(1)}, 1);
	struct memory memory = {.mem.read = memory_read};
	struct hd_registers regs = {0};
	uint64_t got;
	static const int64_t offsets[] = {sizeof(Elf64_Ehdr) + 1, 1 << 20, -1, INT64_MAX};
	for (size_t i = 0; i < HD_COUNTOF(offsets); i++) {
		struct hd_rule rule = {.kind = HD_RULE_EXPR, .expr_len = 1, .value = offsets[i]};
		cr_expect_not(hd_cfi_eval(image, &rule, &regs, &memory.mem, 0, NULL, &got));
	}
	hd_image_free(image);
}
