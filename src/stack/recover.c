/* What to do when the tables need a register that is not known, or when there are no tables (reference: locks.md 7.2).
 *
 * The prologue method: a function that addresses its frame by rbp pushed rbp, moved rsp there, pushed what it saves and
 * made room for its locals; all that can be read from its code and tables, so rbp follows from SP.  A result counts only
 * if a return address lies where it must.  Scanning is the last resort and always a guess: stale frames look real. */
#include <string.h>

#include "stack/image.h"
#include "stack/walk.h"

#define PROLOGUE_MAX 192
#define FP_SCAN ((uint64_t)256 << 10)
#define CALLER_SCAN ((uint64_t)64 << 10)
#define FP_SPAN ((uint64_t)4 << 20)

/* How sure we are that a return address to the function of `callee` lies at `slot`. */
enum grade { G_NONE = 0, G_MISMATCH, G_INDIRECT, G_MATCH };

static enum grade return_grade(struct hd_walk *walk, const struct hd_walk_frame *callee, uint64_t slot)
{
	uint64_t value;
	struct hd_module module;
	if (hd_mem_u64(walk->mem, slot, &value) < 0 || value < 4096 || !hd_walk_is_code(walk, value - 1))
		return G_NONE;
	struct hd_callsite call = hd_walk_callsite(walk, value, &module);
	switch (hd_walk_link(walk, callee, &module, &call)) {
	case HD_LINK_MATCH:
		return G_MATCH;
	case HD_LINK_UNKNOWN:
		return G_INDIRECT;
	case HD_LINK_MISMATCH:
		return G_MISMATCH;
	default:
		break;
	}
	/* A signal handler returns to the trampoline. */
	if (module.image != NULL) {
		const struct hd_cfi_row *row = hd_cfi_find(module.image, value - module.bias);
		if (row != NULL && row->is_signal)
			return G_MATCH;
	}
	return G_NONE;
}

/* Grade of a frame pointer value; ret_cfa: where the frame ends then. */
static enum grade fp_grade(struct hd_walk *walk, const struct hd_walk_frame *frame, const struct hd_cfi_row *row, uint64_t fp,
			   uint64_t *ret_cfa)
{
	struct hd_registers regs = walk->regs;
	uint64_t cfa;
	regs.at[HD_REG_RBP] = fp;
	regs.known |= 1u << HD_REG_RBP;
	/* At a call the stack is aligned to 16 bytes (psABI 3.2.2), so every CFA is. */
	if (!hd_walk_cfa(walk, &frame->module, row, &regs, &cfa) || cfa % 16 != 0 || cfa <= regs.at[HD_REG_RSP])
		return G_NONE;
	const struct hd_rule *ra = &row->regs[row->ra];
	*ret_cfa = cfa;
	return ra->kind == HD_RULE_OFFSET ? return_grade(walk, frame, cfa + (uint64_t)ra->value) : G_NONE;
}

/* Bytes by which the prologue lowers rsp for locals: sub $n,%rsp and add $-n,%rsp before pc. */
static uint64_t prologue_locals(const uint8_t *code, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i + 4 <= n; i++) {
		int32_t imm = 0;
		if (code[i] != 0x48)
			continue;
		if (code[i + 1] == 0x83 && (code[i + 2] == 0xec || code[i + 2] == 0xc4)) {
			imm = (int8_t)code[i + 3]; // NOLINT(bugprone-signed-char-misuse): the processor extends it so
		} else if (code[i + 1] == 0x81 && (code[i + 2] == 0xec || code[i + 2] == 0xc4) && i + 7 <= n) {
			memcpy(&imm, code + i + 3, sizeof(imm));
		}
		if (code[i + 2] == 0xc4)
			imm = -imm;
		if (imm > 0)
			sum += (uint32_t)imm;
	}
	return sum;
}

static bool fp_by_prologue(struct hd_walk *walk, const struct hd_walk_frame *frame, const struct hd_cfi_row *row,
			   uint64_t *ret_fp, enum grade *ret_grade)
{
	uint8_t code[PROLOGUE_MAX];
	size_t n = frame->look - frame->fn_start < sizeof(code) ? frame->look - frame->fn_start : sizeof(code);
	if (row->cfa.kind != HD_RULE_REGISTER || row->cfa.reg != HD_REG_RBP ||
	    hd_image_read(frame->module.image, row->start, code, n) < 0)
		return false;
	/* The lowest register save tells how deep the pushes went. */
	int64_t depth = 16;
	for (unsigned reg = 0; reg < HD_REGS; reg++)
		if (row->regs[reg].kind == HD_RULE_OFFSET && -row->regs[reg].value > depth && -row->regs[reg].value < 256)
			depth = -row->regs[reg].value;
	uint64_t cfa = walk->regs.at[HD_REG_RSP] + prologue_locals(code, n) + (uint64_t)depth, ignored;
	cfa = (cfa + 15) & ~UINT64_C(15); /* a push that only aligns is in no table */
	uint64_t fp = cfa - (uint64_t)row->cfa.value;
	*ret_grade = fp_grade(walk, frame, row, fp, &ignored);
	*ret_fp = fp;
	return *ret_grade != G_NONE;
}

/* In code that keeps frame pointers the saved one points further up this stack. */
static bool saved_fp_plausible(struct hd_walk *walk, uint64_t fp)
{
	uint64_t saved;
	return hd_mem_u64(walk->mem, fp, &saved) == 0 && saved > fp && saved < hd_walk_limit(walk, FP_SPAN) && saved % 8 == 0;
}

static bool fp_by_scan(struct hd_walk *walk, const struct hd_walk_frame *frame, const struct hd_cfi_row *row, uint64_t *ret_fp)
{
	uint64_t limit = hd_walk_limit(walk, FP_SCAN), second = 0, cfa;
	for (uint64_t fp = (walk->regs.at[HD_REG_RSP] + 7) & ~UINT64_C(7); fp + 16 < limit; fp += 8) {
		enum grade grade = fp_grade(walk, frame, row, fp, &cfa);
		if (grade == G_MATCH) {
			*ret_fp = fp;
			return true;
		}
		if (grade == G_INDIRECT && second == 0 && saved_fp_plausible(walk, fp))
			second = fp;
	}
	*ret_fp = second;
	return second != 0;
}

bool hd_recover_fp(struct hd_walk *walk, const struct hd_walk_frame *frame, const struct hd_cfi_row *row, uint64_t *ret_fp,
		   bool *ret_guess)
{
	enum grade grade;
	uint64_t fp;
	if (fp_by_prologue(walk, frame, row, &fp, &grade)) {
		*ret_fp = fp;
		*ret_guess = grade != G_MATCH && !saved_fp_plausible(walk, fp);
		return true;
	}
	*ret_guess = true;
	return fp_by_scan(walk, frame, row, ret_fp);
}

/* ---- no tables ---------------------------------------------------------------------------------------------------------- */

static bool caller_by_fp(struct hd_walk *walk, const struct hd_walk_frame *frame, uint64_t *ret_cfa)
{
	uint64_t fp = walk->regs.at[HD_REG_RBP], sp = walk->regs.at[HD_REG_RSP], saved[2];
	if (!hd_register_known(&walk->regs, HD_REG_RBP) || fp < sp || fp - sp > FP_SPAN || fp % 8 != 0 ||
	    return_grade(walk, frame, fp + 8) < G_INDIRECT || hd_mem_read(walk->mem, fp, saved, sizeof(saved)) < 0)
		return false;
	walk->regs.at[HD_REG_RBP] = saved[0];
	walk->regs.at[HD_REG_RIP] = saved[1];
	walk->regs.at[HD_REG_RSP] = *ret_cfa = fp + 16;
	walk->regs.known = 1u << HD_REG_RBP | 1u << HD_REG_RIP | 1u << HD_REG_RSP;
	return true;
}

bool hd_recover_caller(struct hd_walk *walk, const struct hd_walk_frame *frame, uint64_t *ret_cfa)
{
	if (caller_by_fp(walk, frame, ret_cfa)) {
		walk->next_is_guess = true;
		return true;
	}
	uint64_t limit = hd_walk_limit(walk, CALLER_SCAN);
	for (uint64_t slot = (walk->regs.at[HD_REG_RSP] + 7) & ~UINT64_C(7); slot + 8 <= limit; slot += 8) {
		if (return_grade(walk, frame, slot) != G_MATCH)
			continue;
		if (hd_mem_u64(walk->mem, slot, &walk->regs.at[HD_REG_RIP]) < 0)
			return false;
		walk->regs.at[HD_REG_RSP] = *ret_cfa = slot + 8;
		walk->regs.known = 1u << HD_REG_RIP | 1u << HD_REG_RSP;
		walk->next_is_guess = true;
		return true;
	}
	return false;
}
