/* Call frame information: for an address of a file, how to find the caller's registers.  Reads .eh_frame through
 * .eh_frame_hdr's table where there is one, else indexes .eh_frame and .debug_frame whole.  Rows are cached per file.
 * Formats: DWARF 5 section 6.4; Linux Standard Base 5.0 chapter 10.6 (.eh_frame); gcc unwind-pe.h (pointer encodings). */
#ifndef STACK_CFI_H
#define STACK_CFI_H

#include "hangdog/base.h"
#include "hangdog/mem.h"

/* DWARF numbers of x86-64 (System V psABI, figure 3.36). */
enum { HD_REG_RAX = 0, HD_REG_RBX = 3, HD_REG_RBP = 6, HD_REG_RSP = 7, HD_REG_RIP = 16, HD_REGS = 17 };

enum hd_rule_kind {
	HD_RULE_DEFAULT = 0, /* callee-saved: unchanged; others: lost */
	HD_RULE_SAME,
	HD_RULE_UNDEFINED,
	HD_RULE_OFFSET,      /* at CFA + value */
	HD_RULE_VAL_OFFSET,  /* is CFA + value */
	HD_RULE_REGISTER,
	HD_RULE_EXPR,        /* at the address that the expression gives */
	HD_RULE_VAL_EXPR,
};

struct hd_rule {
	uint8_t kind;
	uint8_t reg;
	uint16_t expr_len;
	int64_t value; /* offset, or file offset of the expression */
};

struct hd_cfi_row {
	uint64_t start, end; /* of the function as the table has it, in the file's address space */
	struct hd_rule cfa;  /* HD_RULE_REGISTER: reg + value; HD_RULE_EXPR (gives the CFA itself) */
	struct hd_rule regs[HD_REGS];
	uint32_t ruled;      /* bit n: register n has another rule than HD_RULE_DEFAULT */
	uint8_t ra;          /* register number of the return address column */
	bool is_signal;
};

struct hd_registers {
	uint64_t at[HD_REGS];
	uint32_t known; /* bit n = register n */
};

static inline bool hd_register_known(const struct hd_registers *regs, unsigned n)
{
	return n < HD_REGS && (regs->known >> n & 1) != 0;
}

struct hd_image;
struct hd_cfi;

/* The row for an address of the file, borrowed until the next call; NULL = the file has nothing for it. */
const struct hd_cfi_row *hd_cfi_find(struct hd_image *image, uint64_t vaddr);
void hd_cfi_free(struct hd_cfi *cfi);

/* Evaluates a DWARF expression of a row.  `push` (may be NULL) is on the stack first.  False: a register is not known,
 * memory cannot be read, or the expression is not one we accept.  bias: added to addresses in the expression. */
HD_MUST_CHECK bool hd_cfi_eval(struct hd_image *image, const struct hd_rule *rule, const struct hd_registers *regs,
			       struct hd_mem *mem, uint64_t bias, const uint64_t *push, uint64_t *ret);

#endif
