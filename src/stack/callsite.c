#include "stack/callsite.h"

#include <elf.h>
#include <string.h>

#include "stack/image.h"
#include "stack/symbols.h"

#define RELOCATIONS_MAX ((size_t)512 << 20)

struct slot {
	uint64_t vaddr;
	uint32_t symbol;
};

struct hd_slots { /* per relocation section, sorted by address; only relocations that name a symbol */
	struct slot *at[2];
	size_t n[2];
	bool tried[2];
};

void hd_slots_free(struct hd_slots *slots)
{
	if (slots == NULL)
		return;
	free(slots->at[0]);
	free(slots->at[1]);
	free(slots);
}

struct hd_callsite hd_callsite_bytes(const uint8_t *before, size_t n, uint64_t vaddr)
{
	const uint8_t *end = before + n;
	int32_t rel;
	struct hd_callsite none = {HD_CALL_NONE, 0}, reg = {HD_CALL_REGISTER, 0};
	if (n >= 5 && end[-5] == 0xe8) {
		memcpy(&rel, end - 4, sizeof(rel));
		return (struct hd_callsite){HD_CALL_DIRECT, vaddr + (uint64_t)(int64_t)rel};
	}
	if (n >= 6 && end[-6] == 0xff && end[-5] == 0x15) {
		memcpy(&rel, end - 4, sizeof(rel));
		return (struct hd_callsite){HD_CALL_SLOT, vaddr + (uint64_t)(int64_t)rel};
	}
	/* ff /2: call through a register or memory; by how long the operand is: ModRM, SIB, displacement. */
	if (n >= 2 && end[-2] == 0xff && (end[-1] & 0xf8) == 0xd0)
		return reg;
	if (n >= 2 && end[-2] == 0xff && (end[-1] & 0x38) == 0x10 && (end[-1] >> 6) == 0 && (end[-1] & 7) != 4 && (end[-1] & 7) != 5)
		return reg;
	if (n >= 3 && end[-3] == 0xff && ((end[-2] & 0xf8) == 0x50 ? (end[-2] & 7) != 4 : end[-2] == 0x14))
		return reg;
	if (n >= 4 && end[-4] == 0xff && end[-3] == 0x54)
		return reg;
	if (n >= 6 && end[-6] == 0xff && (end[-5] & 0xf8) == 0x90 && (end[-5] & 7) != 4)
		return reg;
	if (n >= 7 && end[-7] == 0xff && (end[-6] == 0x94 || end[-6] == 0x14))
		return reg;
	return none;
}

struct hd_callsite hd_callsite_decode(struct hd_image *image, uint64_t vaddr)
{
	uint8_t before[7];
	if (vaddr < sizeof(before) || hd_image_read(image, vaddr - sizeof(before), before, sizeof(before)) < 0)
		return (struct hd_callsite){HD_CALL_NONE, 0};
	return hd_callsite_bytes(before, sizeof(before), vaddr);
}

/* [endbr64] [bnd] jmp *disp(%rip) */
bool hd_callsite_plt(struct hd_image *image, uint64_t target, uint64_t *ret_slot)
{
	static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e, 0xfa};
	uint8_t code[11];
	size_t at = 0;
	int32_t rel;
	if (hd_image_read(image, target, code, sizeof(code)) < 0)
		return false;
	if (memcmp(code, endbr, sizeof(endbr)) == 0)
		at += sizeof(endbr);
	if (code[at] == 0xf2)
		at++;
	if (at + 6 > sizeof(code) || code[at] != 0xff || code[at + 1] != 0x25)
		return false;
	memcpy(&rel, code + at + 2, sizeof(rel));
	*ret_slot = target + at + 6 + (uint64_t)(int64_t)rel;
	return true;
}

static int by_vaddr(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

static void slots_load(struct hd_image *image, struct hd_slots *slots, int which)
{
	size_t len;
	slots->tried[which] = true;
	uint8_t *bytes = hd_image_load(image, which == 0 ? HD_SEC_RELA_PLT : HD_SEC_RELA_DYN, RELOCATIONS_MAX, &len);
	if (bytes == NULL)
		return;
	size_t count = len / sizeof(Elf64_Rela), n = 0, cap = 0;
	for (size_t i = 0; i < count; i++) {
		Elf64_Rela rela;
		memcpy(&rela, bytes + i * sizeof(rela), sizeof(rela));
		uint32_t type = (uint32_t)ELF64_R_TYPE(rela.r_info), symbol = (uint32_t)ELF64_R_SYM(rela.r_info);
		if (symbol == 0 || (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT && type != R_X86_64_64))
			continue;
		if (n == cap) {
			cap = cap != 0 ? cap * 2 : 64;
			slots->at[which] = realloc(slots->at[which], cap * sizeof(struct slot));
			if (slots->at[which] == NULL)
				abort();
		}
		slots->at[which][n++] = (struct slot){.vaddr = rela.r_offset, .symbol = symbol};
	}
	free(bytes);
	if (n > 1)
		qsort(slots->at[which], n, sizeof(struct slot), by_vaddr);
	slots->n[which] = n;
}

bool hd_slots_name(struct hd_image *image, uint64_t vaddr, char *buf, size_t cap)
{
	if (image->slots == NULL) {
		image->slots = calloc(1, sizeof(*image->slots));
		if (image->slots == NULL)
			abort();
	}
	struct hd_slots *slots = image->slots;
	for (int which = 0; which < 2; which++) {
		if (!slots->tried[which])
			slots_load(image, slots, which);
		struct slot key = {.vaddr = vaddr};
		const struct slot *found = slots->n[which] == 0 ? NULL :
			bsearch(&key, slots->at[which], slots->n[which], sizeof(key), by_vaddr);
		if (found != NULL)
			return hd_symbols_dynamic_name(image, found->symbol, buf, cap);
	}
	return false;
}
