#include "stack/callsite.h"

#include <elf.h>
#include <string.h>

#include "stack/image.h"
#include "stack/keys.h"
#include "stack/symbols.h"

#define RELOCATIONS_MAX ((size_t)512 << 20)

#define CHUNK ((size_t)1024) /* relocations read at a time */

struct hd_slots { /* only relocations that name a symbol, by address */
	uint64_t base;
	struct slots {
		struct hd_section section;
		struct hd_keys keys;
		size_t n, done;
	} of[2]; /* .rela.plt, .rela.dyn */
};

void hd_slots_free(struct hd_slots *slots)
{
	if (slots == NULL)
		return;
	hd_keys_release(&slots->of[0].keys);
	hd_keys_release(&slots->of[1].keys);
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

/* Passes a byte sequence if it stands there. */
static size_t skip(const uint8_t *code, size_t at, const uint8_t *what, size_t len)
{
	return memcmp(code + at, what, len) == 0 ? at + len : at;
}

static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa}, bnd[] = {0xf2};

/* [endbr64] [bnd] jmp *disp(%rip); *ret_jump: offset of the jump, *ret_end: of what follows it. */
static bool jumps_through(const uint8_t code[11], size_t *ret_jump, size_t *ret_end, int32_t *ret_disp)
{
	size_t jump = skip(code, 0, endbr64, sizeof(endbr64)), at = skip(code, jump, bnd, sizeof(bnd));
	if (code[at] != 0xff || code[at + 1] != 0x25 || at + 6 > 11)
		return false;
	memcpy(ret_disp, code + at + 2, sizeof(*ret_disp));
	*ret_jump = jump;
	*ret_end = at + 6;
	return true;
}

bool hd_callsite_plt(struct hd_image *image, uint64_t target, uint64_t *ret_slot)
{
	uint8_t code[11];
	size_t jump, end;
	int32_t disp;
	if (hd_image_read(image, target, code, sizeof(code)) < 0 || !jumps_through(code, &jump, &end, &disp))
		return false;
	*ret_slot = target + end + (uint64_t)(int64_t)disp;
	return true;
}

/* The stub that begins at `start`: [endbr64] [bnd] jmp *slot, and of a lazy one, push number; [bnd] jmp to the first stub. */
static bool stub_through_slot(struct hd_image *image, uint64_t start, uint64_t vaddr, char *buf, size_t cap)
{
	uint8_t code[16] = {0};
	size_t jump, end;
	int32_t disp;
	if (hd_image_read(image, start, code, 11) < 0 || !jumps_through(code, &jump, &end, &disp))
		return false;
	bool is_lazy = end == 6 && code[6] == 0x68;
	uint64_t at = vaddr - start;
	if (at != 0 && at != jump && !(is_lazy && (at == 6 || at == 11)))
		return false;
	return hd_slots_name(image, start + end + (uint64_t)(int64_t)disp, buf, cap);
}

/* With a second PLT the lazy half is apart, and knows only a number: [endbr64] push number; [bnd] jmp to the first stub. */
static bool stub_by_number(struct hd_image *image, uint64_t start, uint64_t vaddr, char *buf, size_t cap)
{
	uint8_t code[16];
	uint32_t number;
	if (hd_image_read(image, start, code, sizeof(code)) < 0)
		return false;
	size_t push = skip(code, 0, endbr64, sizeof(endbr64)), jump = push + 5, at = vaddr - start;
	if (code[push] != 0x68 || code[skip(code, jump, bnd, sizeof(bnd))] != 0xe9 || (at != 0 && at != push && at != jump))
		return false;
	memcpy(&number, code + push + 1, sizeof(number));
	const struct hd_section *relocations = &image->sections[HD_SEC_RELA_PLT];
	Elf64_Rela rela;
	return number < relocations->size / sizeof(rela) &&
	       hd_image_pread(image, relocations->offset + number * sizeof(rela), &rela, sizeof(rela)) == 0 &&
	       ELF64_R_TYPE(rela.r_info) == R_X86_64_JUMP_SLOT &&
	       hd_symbols_dynamic_name(image, (uint32_t)ELF64_R_SYM(rela.r_info), buf, cap);
}

bool hd_callsite_stub(struct hd_image *image, uint64_t vaddr, char *buf, size_t cap)
{
	uint64_t wide = vaddr & ~UINT64_C(15), narrow = vaddr & ~UINT64_C(7);
	return stub_through_slot(image, wide, vaddr, buf, cap) || stub_by_number(image, wide, vaddr, buf, cap) ||
	       (narrow != wide && stub_through_slot(image, narrow, vaddr, buf, cap)); /* .plt.got has stubs of 8 bytes */
}

static void slots_step(struct hd_image *image, uint64_t base, struct slots *slots, Elf64_Rela *chunk)
{
	size_t n = slots->n - slots->done < CHUNK ? slots->n - slots->done : CHUNK;
	if (hd_image_pread(image, slots->section.offset + slots->done * sizeof(*chunk), chunk, n * sizeof(*chunk)) < 0) {
		slots->n = slots->done; /* what follows cannot be read */
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t type = (uint32_t)ELF64_R_TYPE(chunk[i].r_info), symbol = (uint32_t)ELF64_R_SYM(chunk[i].r_info);
		bool names = symbol != 0 && (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64);
		if (names && chunk[i].r_offset - base <= UINT32_MAX)
			hd_keys_push(&slots->keys, (uint32_t)(chunk[i].r_offset - base), symbol);
	}
	slots->done += n;
}

static bool slots_ready(struct hd_image *image, uint64_t base, struct slots *slots)
{
	if (slots->done < slots->n) {
		Elf64_Rela *chunk = malloc(CHUNK * sizeof(*chunk));
		if (chunk == NULL)
			abort();
		while (slots->done < slots->n && hd_work_take(image->work, CHUNK))
			slots_step(image, base, slots, chunk);
		free(chunk);
	}
	return slots->done == slots->n && hd_keys_sort(&slots->keys, image->work);
}

static struct hd_slots *slots_of(struct hd_image *image)
{
	static const enum hd_section_role roles[2] = {HD_SEC_RELA_PLT, HD_SEC_RELA_DYN};
	if (image->slots != NULL)
		return image->slots;
	struct hd_slots *slots = image->slots = calloc(1, sizeof(*slots));
	if (slots == NULL)
		abort();
	slots->base = hd_image_base(image);
	for (int which = 0; which < 2; which++) {
		slots->of[which].section = image->sections[roles[which]];
		uint64_t size = slots->of[which].section.size;
		slots->of[which].n = size <= RELOCATIONS_MAX && size <= image->size ? size / sizeof(Elf64_Rela) : 0;
	}
	return slots;
}

bool hd_slots_name(struct hd_image *image, uint64_t vaddr, char *buf, size_t cap)
{
	struct hd_slots *slots = slots_of(image);
	if (vaddr < slots->base || vaddr - slots->base > UINT32_MAX)
		return false;
	uint32_t value = (uint32_t)(vaddr - slots->base);
	for (int which = 0; which < 2; which++) {
		struct hd_keys *keys = &slots->of[which].keys;
		if (!slots_ready(image, slots->base, &slots->of[which]))
			return false;
		const struct hd_key *key = hd_keys_last(keys, value);
		if (key != NULL)
			return hd_symbols_dynamic_name(image, key->id, buf, cap);
	}
	return false;
}
