#include "stack/cfi.h"

#include <dwarf.h>
#include <errno.h>

#include "stack/cursor.h"
#include "stack/image.h"
#include "stack/search.h"

#define ENTRY_MAX (1u << 20)      /* bytes of one FDE */
#define CIE_MAX 4096u             /* real ones have 20 to 30 bytes */
#define CIE_READS_MAX (1u << 18)  /* while indexing: entries that share a CIE share the reading of it */
#define SECTION_MAX (256u << 20)  /* bytes of a section that is indexed whole */
#define STATES_MAX 16             /* depth of remember_state */
#define ROWS_LOG2 6
#define ROWS (1u << ROWS_LOG2)     /* cached, direct-mapped by address */

#define PE_FORM 0x0f  /* of a pointer's encoding: how it is written */
#define PE_BASE 0x70  /* and what it is relative to */

struct fde_ref {
	uint64_t start, end, offset; /* file offset of the entry */
	bool in_debug_frame;
};

struct hd_cfi {
	/* .eh_frame_hdr's binary search table, where usable. */
	uint64_t hdr_vaddr, table_offset;
	uint32_t table_n;
	/* Else, and for .debug_frame: everything, sorted by start. */
	struct fde_ref *index;
	size_t n_index;
	bool has_index;
	struct cached_row {
		uint64_t vaddr;
		bool is_used, exists;
		struct hd_cfi_row row;
	} rows[ROWS];
};

struct cie {
	uint64_t code_align;
	int64_t data_align;
	uint8_t ra, pointer_enc;
	bool has_z, is_signal;
	uint64_t insns; /* file offset */
	size_t insns_len;
};

struct entry { /* one CIE or FDE, as bytes */
	uint8_t *bytes;
	struct hd_cursor c; /* behind the id field */
	uint64_t offset;    /* file offset of bytes[0] */
	uint64_t cie_offset; /* FDE only */
	bool is_cie;
};

void hd_cfi_free(struct hd_cfi *cfi)
{
	if (cfi == NULL)
		return;
	free(cfi->index);
	free(cfi);
}

static uint64_t take_pointer(struct hd_cursor *c, uint8_t enc, uint64_t data_base)
{
	uint64_t here = c->vaddr + c->at, v;
	switch (enc & PE_FORM) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8: v = hd_cursor_uint(c, 8); break;
	case DW_EH_PE_udata4: v = hd_cursor_uint(c, 4); break;
	case DW_EH_PE_sdata4: v = (uint64_t)hd_cursor_int(c, 4); break;
	case DW_EH_PE_udata2: v = hd_cursor_uint(c, 2); break;
	case DW_EH_PE_sdata2: v = (uint64_t)hd_cursor_int(c, 2); break;
	case DW_EH_PE_uleb128: v = hd_cursor_uleb(c); break;
	case DW_EH_PE_sleb128: v = (uint64_t)hd_cursor_sleb(c); break;
	default: c->bad = true; return 0;
	}
	if ((enc & PE_BASE) == DW_EH_PE_pcrel)
		return v + here;
	if ((enc & PE_BASE) == DW_EH_PE_datarel)
		return v + data_base;
	if ((enc & PE_BASE) != 0)
		c->bad = true;
	return v;
}

/* Reads the entry at a file offset.  vaddr_delta: address minus file offset of the section. */
static bool entry_read(struct hd_image *image, uint64_t offset, uint64_t vaddr_delta, bool debug_frame, uint64_t max,
		       struct entry *ret)
{
	uint8_t head[20];
	size_t head_len = 4;
	if (hd_image_pread(image, offset, head, 4) < 0)
		return false;
	uint64_t len = 0, id = 0;
	memcpy(&len, head, 4);
	bool wide = len == 0xffffffff;
	if (wide) {
		if (hd_image_pread(image, offset + 4, &len, 8) < 0)
			return false;
		head_len = 12;
	}
	size_t id_len = wide && debug_frame ? 8 : 4;
	if (len < id_len || len > max)
		return false;
	uint8_t *bytes = malloc(len);
	if (bytes == NULL)
		return false;
	uint64_t body = offset + head_len;
	if (hd_image_pread(image, body, bytes, len) < 0) {
		free(bytes);
		return false;
	}
	memcpy(&id, bytes, id_len);
	bool is_cie = debug_frame ? id == (id_len == 8 ? UINT64_MAX : UINT32_MAX) : id == 0;
	*ret = (struct entry){.bytes = bytes, .offset = body, .is_cie = is_cie,
			      .cie_offset = debug_frame ? image->sections[HD_SEC_DEBUG_FRAME].offset + id : body - id,
			      .c = {.bytes = bytes, .len = len, .at = id_len, .vaddr = body + vaddr_delta}};
	return true;
}

static void cie_augmentation(struct hd_cursor *c, const char *text, struct cie *cie)
{
	uint64_t len = hd_cursor_uleb(c);
	size_t end = c->at + (len < c->len ? len : c->len);
	for (const char *p = text + 1; *p != '\0' && !c->bad; p++) {
		if (*p == 'R')
			cie->pointer_enc = (uint8_t)hd_cursor_uint(c, 1);
		else if (*p == 'L')
			hd_cursor_skip(c, 1);
		else if (*p == 'S')
			cie->is_signal = true;
		else if (*p == 'P') {
			uint8_t enc = (uint8_t)hd_cursor_uint(c, 1);
			(void)take_pointer(c, enc & ~DW_EH_PE_indirect, 0);
		} else
			break; /* the rest is skipped by its length */
	}
	c->at = end <= c->len ? end : c->len;
}

static bool cie_read(struct hd_image *image, uint64_t offset, uint64_t vaddr_delta, bool debug_frame, struct cie *ret)
{
	struct entry e;
	if (!entry_read(image, offset, vaddr_delta, debug_frame, CIE_MAX, &e))
		return false;
	struct hd_cursor *c = &e.c;
	uint8_t version = (uint8_t)hd_cursor_uint(c, 1);
	const uint8_t *text = c->bytes + c->at;
	const uint8_t *nul = memchr(text, 0, c->len - c->at);
	bool ok = e.is_cie && nul != NULL && (version == 1 || version == 3 || version == 4);
	if (ok) {
		c->at += (size_t)(nul - text) + 1;
		if (version == 4)
			hd_cursor_skip(c, 2);
		*ret = (struct cie){.pointer_enc = DW_EH_PE_absptr};
		ret->code_align = hd_cursor_uleb(c);
		ret->data_align = hd_cursor_sleb(c);
		ret->ra = (uint8_t)(version == 1 ? hd_cursor_uint(c, 1) : hd_cursor_uleb(c));
		ret->has_z = text[0] == 'z';
		if (ret->has_z)
			cie_augmentation(c, (const char *)text, ret);
		else
			ok = text[0] == '\0';
		ret->insns = e.offset + c->at;
		ret->insns_len = c->len - c->at;
		ok = ok && !c->bad && ret->ra < HD_REGS;
	}
	free(e.bytes);
	return ok;
}

/* Leaves fde->c at the instructions. */
static bool fde_head(struct entry *fde, const struct cie *cie, uint64_t *ret_start, uint64_t *ret_end)
{
	if ((cie->pointer_enc & DW_EH_PE_indirect) != 0)
		return false;
	uint64_t start = take_pointer(&fde->c, cie->pointer_enc, 0);
	uint64_t size = take_pointer(&fde->c, cie->pointer_enc & PE_FORM, 0);
	if (cie->has_z)
		hd_cursor_skip(&fde->c, hd_cursor_uleb(&fde->c));
	*ret_start = start;
	*ret_end = start + size;
	return !fde->c.bad && start + size > start;
}

/* ---- the instructions ------------------------------------------------------------------------------------------- */

enum operand { NO, ADDR, U1, U2, U4, ULEB, SLEB, BLOCK };
/* What the table does not list is A_BAD. */
enum act { A_BAD = 0, A_NOP, A_SET, A_ADVANCE, A_RULE, A_RESTORE, A_PUSH, A_POP, A_CFA, A_CFA_REG, A_CFA_OFFSET, A_CFA_EXPR };

static const struct insn {
	uint8_t a, b; /* operands */
	uint8_t act;
	uint8_t rule; /* A_RULE */
	int8_t scale; /* of operand b (or a): 1 as is, 8 times data_align, -8 times its negative */
} insns[0x30] = {
	[DW_CFA_nop] = {NO, NO, A_NOP, 0, 0},
	[DW_CFA_set_loc] = {ADDR, NO, A_SET, 0, 0},
	[DW_CFA_advance_loc1] = {U1, NO, A_ADVANCE, 0, 0},
	[DW_CFA_advance_loc2] = {U2, NO, A_ADVANCE, 0, 0},
	[DW_CFA_advance_loc4] = {U4, NO, A_ADVANCE, 0, 0},
	[DW_CFA_offset_extended] = {ULEB, ULEB, A_RULE, HD_RULE_OFFSET, 8},
	[DW_CFA_restore_extended] = {ULEB, NO, A_RESTORE, 0, 0},
	[DW_CFA_undefined] = {ULEB, NO, A_RULE, HD_RULE_UNDEFINED, 1},
	[DW_CFA_same_value] = {ULEB, NO, A_RULE, HD_RULE_SAME, 1},
	[DW_CFA_register] = {ULEB, ULEB, A_RULE, HD_RULE_REGISTER, 1},
	[DW_CFA_remember_state] = {NO, NO, A_PUSH, 0, 0},
	[DW_CFA_restore_state] = {NO, NO, A_POP, 0, 0},
	[DW_CFA_def_cfa] = {ULEB, ULEB, A_CFA, 0, 1},
	[DW_CFA_def_cfa_register] = {ULEB, NO, A_CFA_REG, 0, 0},
	[DW_CFA_def_cfa_offset] = {ULEB, NO, A_CFA_OFFSET, 0, 1},
	[DW_CFA_def_cfa_expression] = {BLOCK, NO, A_CFA_EXPR, 0, 0},
	[DW_CFA_expression] = {ULEB, BLOCK, A_RULE, HD_RULE_EXPR, 1},
	[DW_CFA_offset_extended_sf] = {ULEB, SLEB, A_RULE, HD_RULE_OFFSET, 8},
	[DW_CFA_def_cfa_sf] = {ULEB, SLEB, A_CFA, 0, 8},
	[DW_CFA_def_cfa_offset_sf] = {SLEB, NO, A_CFA_OFFSET, 0, 8},
	[DW_CFA_val_offset] = {ULEB, ULEB, A_RULE, HD_RULE_VAL_OFFSET, 8},
	[DW_CFA_val_offset_sf] = {ULEB, SLEB, A_RULE, HD_RULE_VAL_OFFSET, 8},
	[DW_CFA_val_expression] = {ULEB, BLOCK, A_RULE, HD_RULE_VAL_EXPR, 1},
	[DW_CFA_GNU_args_size] = {ULEB, NO, A_NOP, 0, 0},
	[DW_CFA_GNU_negative_offset_extended] = {ULEB, ULEB, A_RULE, HD_RULE_OFFSET, -8},
};

struct machine {
	const struct cie *cie;
	struct hd_cfi_row row, initial, saved[STATES_MAX];
	unsigned n_saved;
	uint64_t loc, code_base; /* code_base: file offset of the cursor's byte 0 */
	bool bad;
};

static uint64_t take_operand(struct machine *m, struct hd_cursor *c, uint8_t kind, uint16_t *ret_len)
{
	uint64_t len, at;
	switch (kind) {
	case ADDR: return take_pointer(c, m->cie->pointer_enc, 0);
	case U1: return hd_cursor_uint(c, 1);
	case U2: return hd_cursor_uint(c, 2);
	case U4: return hd_cursor_uint(c, 4);
	case ULEB: return hd_cursor_uleb(c);
	case SLEB: return (uint64_t)hd_cursor_sleb(c);
	case BLOCK:
		len = hd_cursor_uleb(c);
		at = m->code_base + c->at;
		hd_cursor_skip(c, len);
		if (len > UINT16_MAX)
			c->bad = true;
		*ret_len = (uint16_t)len;
		return at;
	default: return 0;
	}
}

static int64_t scaled(const struct machine *m, int64_t v, int8_t scale)
{
	uint64_t u = (uint64_t)v;
	if (scale == 8)
		u *= (uint64_t)m->cie->data_align;
	else if (scale == -8)
		u *= -(uint64_t)m->cie->data_align;
	return (int64_t)u;
}

static void set_rule(struct machine *m, uint64_t reg, struct hd_rule rule)
{
	if (reg < HD_REGS) /* vector and segment registers do not matter here */
		m->row.regs[reg] = rule;
}

static void act(struct machine *m, const struct insn *in, uint64_t a, uint64_t b, uint16_t len)
{
	switch (in->act) {
	case A_NOP: break;
	case A_RULE:
		set_rule(m, a, (struct hd_rule){.kind = in->rule, .reg = (uint8_t)(b < 255 ? b : 255), .expr_len = len,
						.value = scaled(m, (int64_t)b, in->scale)});
		break;
	case A_RESTORE:
		if (a < HD_REGS)
			m->row.regs[a] = m->initial.regs[a];
		break;
	case A_PUSH:
		if (m->n_saved < STATES_MAX)
			m->saved[m->n_saved++] = m->row;
		else
			m->bad = true;
		break;
	case A_POP:
		if (m->n_saved > 0)
			m->row = m->saved[--m->n_saved];
		else
			m->bad = true;
		break;
	case A_CFA:
		m->row.cfa = (struct hd_rule){.kind = HD_RULE_REGISTER, .reg = (uint8_t)(a < 255 ? a : 255),
					      .value = scaled(m, (int64_t)b, in->scale)};
		break;
	case A_CFA_REG:
		m->row.cfa.kind = HD_RULE_REGISTER;
		m->row.cfa.reg = (uint8_t)(a < 255 ? a : 255);
		break;
	case A_CFA_OFFSET: m->row.cfa.value = scaled(m, (int64_t)a, in->scale); break;
	case A_CFA_EXPR: m->row.cfa = (struct hd_rule){.kind = HD_RULE_EXPR, .expr_len = len, .value = (int64_t)a}; break;
	default: m->bad = true; break;
	}
}

/* The short forms carry one operand in their low six bits. */
static bool short_form(struct machine *m, struct hd_cursor *c, uint8_t op)
{
	static const struct insn offset_rule = {ULEB, ULEB, A_RULE, HD_RULE_OFFSET, 8}, restore = {ULEB, NO, A_RESTORE, 0, 0};
	uint8_t low = op & 0x3f;
	switch (op >> 6) {
	case 1: m->loc += low * m->cie->code_align; return true;
	case 2: act(m, &offset_rule, low, hd_cursor_uleb(c), 0); return true;
	case 3: act(m, &restore, low, 0, 0); return true;
	default: return false;
	}
}

static void machine_run(struct machine *m, struct hd_cursor *c, uint64_t vaddr)
{
	while (!hd_cursor_done(c) && !m->bad && m->loc <= vaddr) {
		struct hd_cfi_row before = m->row;
		uint64_t loc = m->loc;
		uint8_t op = (uint8_t)hd_cursor_uint(c, 1);
		if (!short_form(m, c, op)) {
			static const struct insn none = {NO, NO, A_BAD, 0, 0};
			const struct insn *in = op < HD_COUNTOF(insns) ? &insns[op] : &none;
			uint16_t len = 0;
			uint64_t a = take_operand(m, c, in->a, &len);
			uint64_t b = take_operand(m, c, in->b, &len);
			if (in->act == A_SET)
				m->loc = a;
			else if (in->act == A_ADVANCE)
				m->loc += a * m->cie->code_align;
			else
				act(m, in, a, b, len);
		}
		if (m->loc < loc)
			m->bad = true; /* locations only grow */
		if (m->loc > vaddr)
			m->row = before;
	}
	m->bad |= c->bad;
}

static uint32_t ruled_registers(const struct hd_cfi_row *row)
{
	uint32_t ruled = 0;
	for (unsigned reg = 0; reg < HD_REGS; reg++)
		ruled |= (uint32_t)(row->regs[reg].kind != HD_RULE_DEFAULT) << reg;
	return ruled;
}

static bool row_compute(struct hd_image *image, const struct fde_ref *ref, uint64_t vaddr_delta, uint64_t vaddr,
			struct hd_cfi_row *ret)
{
	struct entry fde;
	struct cie cie;
	uint64_t start, end;
	if (!entry_read(image, ref->offset, vaddr_delta, ref->in_debug_frame, ENTRY_MAX, &fde))
		return false;
	bool ok = !fde.is_cie && cie_read(image, fde.cie_offset, vaddr_delta, ref->in_debug_frame, &cie) &&
		  fde_head(&fde, &cie, &start, &end) && vaddr >= start && vaddr < end;
	uint8_t *initial = ok ? malloc(cie.insns_len + 1) : NULL;
	if (initial != NULL && hd_image_pread(image, cie.insns, initial, cie.insns_len) == 0) {
		struct machine m = {.cie = &cie, .loc = start, .code_base = cie.insns};
		struct hd_cursor c = {.bytes = initial, .len = cie.insns_len, .vaddr = cie.insns + vaddr_delta};
		machine_run(&m, &c, UINT64_MAX);
		m.initial = m.row;
		m.loc = start;
		m.code_base = fde.offset;
		machine_run(&m, &fde.c, vaddr);
		ok = !m.bad && m.row.cfa.kind != HD_RULE_DEFAULT;
		*ret = m.row;
		ret->ruled = ruled_registers(ret);
		ret->start = start;
		ret->end = end;
		ret->ra = cie.ra;
		ret->is_signal = cie.is_signal;
	} else {
		ok = false;
	}
	free(initial);
	free(fde.bytes);
	return ok;
}

/* ---- finding the entry --------------------------------------------------------------------------------------------- */

static void table_open(struct hd_image *image, struct hd_cfi *cfi)
{
	const struct hd_section *hdr = &image->sections[HD_SEC_EH_FRAME_HDR];
	uint8_t head[32];
	size_t len = hdr->size < sizeof(head) ? hdr->size : sizeof(head);
	if (hdr->size < 12 || hd_image_pread(image, hdr->offset, head, len) < 0)
		return;
	/* Only the one table form that linkers write: pairs of 32-bit offsets from the header. */
	if (head[0] != 1 || head[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
		return;
	struct hd_cursor c = {.bytes = head, .len = len, .at = 4, .vaddr = hdr->vaddr};
	uint64_t frame = take_pointer(&c, head[1], hdr->vaddr);
	uint64_t n = take_pointer(&c, head[2], hdr->vaddr);
	if (c.bad || n == 0 || n > (hdr->size - c.at) / 8)
		return;
	cfi->hdr_vaddr = hdr->vaddr;
	cfi->table_offset = hdr->offset + c.at;
	cfi->table_n = (uint32_t)n;
	if (image->sections[HD_SEC_EH_FRAME].size == 0) { /* no section headers: it starts here, its end is not needed */
		image->sections[HD_SEC_EH_FRAME].vaddr = frame;
		if (!hd_image_offset(image, frame, &image->sections[HD_SEC_EH_FRAME].offset))
			cfi->table_n = 0;
	}
}

/* Entry number i: an address, and where its FDE is. */
static bool table_entry(struct hd_image *image, const struct hd_cfi *cfi, size_t i, uint64_t *ret_start, uint64_t *ret_fde)
{
	int32_t pair[2];
	if (hd_image_pread(image, cfi->table_offset + i * sizeof(pair), pair, sizeof(pair)) < 0)
		return false;
	*ret_start = cfi->hdr_vaddr + (uint64_t)(int64_t)pair[0];
	*ret_fde = cfi->hdr_vaddr + (uint64_t)(int64_t)pair[1];
	return true;
}

struct table_question {
	struct hd_image *image;
	const struct hd_cfi *cfi;
	uint64_t vaddr;
};

static bool starts_until(const void *ctx, size_t i)
{
	const struct table_question *q = ctx;
	uint64_t start, fde;
	return table_entry(q->image, q->cfi, i, &start, &fde) && start <= q->vaddr;
}

static bool table_find(struct hd_image *image, const struct hd_cfi *cfi, uint64_t vaddr, struct fde_ref *ret)
{
	struct table_question question = {image, cfi, vaddr};
	size_t n = hd_search(cfi->table_n, starts_until, &question);
	uint64_t start, fde;
	*ret = (struct fde_ref){0};
	return n != 0 && table_entry(image, cfi, n - 1, &start, &fde) && hd_image_offset(image, fde, &ret->offset);
}

static int by_start(const void *a, const void *b)
{
	const struct fde_ref *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void index_add(struct hd_cfi *cfi, size_t *cap, struct fde_ref ref)
{
	if (cfi->n_index == *cap) {
		*cap = *cap != 0 ? *cap * 2 : 256;
		cfi->index = realloc(cfi->index, *cap * sizeof(*cfi->index));
		if (cfi->index == NULL)
			abort();
	}
	cfi->index[cfi->n_index++] = ref;
}

/* Appends every FDE of a section. */
static void index_section(struct hd_image *image, struct hd_cfi *cfi, enum hd_section_role role, size_t *cap)
{
	hd_image_unpack(image, role);
	const struct hd_section *s = &image->sections[role];
	bool debug_frame = role == HD_SEC_DEBUG_FRAME, cie_ok = false;
	uint64_t delta = s->vaddr - s->offset, cie_at = UINT64_MAX;
	uint32_t cie_reads = 0;
	struct cie cie;
	if (s->size > SECTION_MAX)
		return;
	for (uint64_t at = 0; at + 8 <= s->size && cie_reads < CIE_READS_MAX;) {
		struct entry e;
		struct fde_ref ref = {.offset = s->offset + at, .in_debug_frame = debug_frame};
		uint32_t len = 0;
		if (hd_image_pread(image, ref.offset, &len, 4) < 0)
			return;
		if (len == 0) { /* a terminator; linkers may leave one between two inputs */
			at += 4;
			continue;
		}
		if (!entry_read(image, ref.offset, delta, debug_frame, ENTRY_MAX, &e))
			return;
		if (!e.is_cie && e.cie_offset != cie_at) {
			cie_at = e.cie_offset;
			cie_ok = cie_read(image, cie_at, delta, debug_frame, &cie);
			cie_reads++;
		}
		if (!e.is_cie && cie_ok && fde_head(&e, &cie, &ref.start, &ref.end))
			index_add(cfi, cap, ref);
		at = e.offset - s->offset + e.c.len;
		free(e.bytes);
	}
}

struct index_question {
	const struct hd_cfi *cfi;
	uint64_t vaddr;
};

static bool is_indexed_until(const void *ctx, size_t i)
{
	const struct index_question *q = ctx;
	return q->cfi->index[i].start <= q->vaddr;
}

static bool index_find(struct hd_image *image, struct hd_cfi *cfi, uint64_t vaddr, struct fde_ref *ret)
{
	if (!cfi->has_index) {
		size_t cap = 0;
		cfi->has_index = true;
		if (cfi->table_n == 0)
			index_section(image, cfi, HD_SEC_EH_FRAME, &cap);
		index_section(image, cfi, HD_SEC_DEBUG_FRAME, &cap);
		if (cfi->n_index > 1)
			qsort(cfi->index, cfi->n_index, sizeof(*cfi->index), by_start);
	}
	struct index_question question = {cfi, vaddr};
	size_t n = hd_search(cfi->n_index, is_indexed_until, &question);
	if (n == 0 || vaddr >= cfi->index[n - 1].end)
		return false;
	*ret = cfi->index[n - 1];
	return true;
}

static bool row_find(struct hd_image *image, struct hd_cfi *cfi, uint64_t vaddr, struct hd_cfi_row *ret)
{
	const struct hd_section *eh = &image->sections[HD_SEC_EH_FRAME], *debug = &image->sections[HD_SEC_DEBUG_FRAME];
	struct fde_ref ref;
	if (cfi->table_n != 0 && table_find(image, cfi, vaddr, &ref) &&
	    row_compute(image, &ref, eh->vaddr - eh->offset, vaddr, ret))
		return true;
	if (!index_find(image, cfi, vaddr, &ref))
		return false;
	const struct hd_section *s = ref.in_debug_frame ? debug : eh;
	return row_compute(image, &ref, s->vaddr - s->offset, vaddr, ret);
}

const struct hd_cfi_row *hd_cfi_find(struct hd_image *image, uint64_t vaddr)
{
	if (image->cfi == NULL) {
		image->cfi = calloc(1, sizeof(*image->cfi));
		if (image->cfi == NULL)
			abort();
		table_open(image, image->cfi);
	}
	struct cached_row *slot = &image->cfi->rows[(vaddr * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - ROWS_LOG2)];
	if (!slot->is_used || slot->vaddr != vaddr) {
		slot->exists = row_find(image, image->cfi, vaddr, &slot->row);
		slot->is_used = true;
		slot->vaddr = vaddr;
	}
	return slot->exists ? &slot->row : NULL;
}
