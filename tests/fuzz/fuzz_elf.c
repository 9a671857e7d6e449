/* A corrupt ELF file under everything that reads one: headers, symbols, relocations, call frame tables and their
 * expressions.  The input is the file; the memory that expressions read is the input as well. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stack/callsite.h"
#include "stack/cfi.h"
#include "stack/image.h"
#include "stack/symbols.h"

struct input {
	struct hd_mem mem; /* first */
	const uint8_t *bytes;
	size_t len;
};

static int input_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	const struct input *in = (const struct input *)mem;
	if (addr > in->len || len > in->len - addr)
		return -EFAULT;
	memcpy(buf, in->bytes + addr, len);
	return 0;
}

static void expressions(struct hd_image *image, const struct hd_cfi_row *row, struct input *in)
{
	struct hd_registers regs = {.known = (1u << HD_REGS) - 1};
	uint64_t value;
	for (unsigned i = 0; i < HD_REGS; i++)
		regs.at[i] = i * 24;
	if (row->cfa.kind == HD_RULE_EXPR)
		(void)!hd_cfi_eval(image, &row->cfa, &regs, &in->mem, 0x1000, NULL, &value);
	for (unsigned i = 0; i < HD_REGS; i++)
		if (row->regs[i].kind == HD_RULE_EXPR || row->regs[i].kind == HD_RULE_VAL_EXPR)
			(void)!hd_cfi_eval(image, &row->regs[i], &regs, &in->mem, 0x1000, &value, &value);
}

static void look_at(struct hd_image *image, uint64_t vaddr, struct input *in)
{
	struct hd_symbol symbol;
	char name[HD_SYMBOL_NAME_MAX];
	uint64_t slot;
	if (hd_symbols_find(image, vaddr, HD_SYMBOL_CODE, &symbol) && strlen(symbol.name) >= HD_SYMBOL_NAME_MAX)
		abort();
	(void)!hd_symbols_find(image, vaddr, HD_SYMBOL_DATA, &symbol);
	const struct hd_cfi_row *row = hd_cfi_find(image, vaddr);
	if (row != NULL && (vaddr < row->start || vaddr >= row->end))
		abort();
	if (row != NULL)
		expressions(image, row, in);
	struct hd_callsite call = hd_callsite_decode(image, vaddr);
	if (hd_callsite_plt(image, vaddr, &slot))
		(void)!hd_slots_name(image, slot, name, sizeof(name));
	(void)!hd_slots_name(image, call.target, name, sizeof(name));
	(void)!hd_callsite_stub(image, vaddr, name, sizeof(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hd_image_piece *piece = malloc(sizeof(*piece));
	uint8_t *bytes = malloc(size + 1);
	struct input in = {.mem.read = input_read, .bytes = data, .len = size};
	struct hd_image *image;
	if (piece == NULL || bytes == NULL)
		abort();
	if (size != 0)
		memcpy(bytes, data, size);
	*piece = (struct hd_image_piece){.len = size, .bytes = bytes};
	if (hd_image_from_pieces(piece, 1, 0x1000, "fuzz", &image) < 0) {
		free(piece);
		free(bytes);
		return 0;
	}
	uint64_t bias;
	(void)!hd_image_bias(image, 0x1000, 0, true, &bias);
	for (uint32_t i = 0; i < image->n_segments; i++) {
		const struct hd_segment *s = &image->segments[i];
		uint64_t step = s->memsz / 64 + 1;
		for (uint64_t k = 0; k < 64; k++)
			look_at(image, s->vaddr + k * step, &in);
	}
	look_at(image, 0, &in);
	look_at(image, UINT64_MAX, &in);
	hd_image_free(image);
	return 0;
}
