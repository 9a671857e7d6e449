/* Names of a file: one index sorted by address over .dynsym, built when first asked; .symtab (its own, the one of the
 * separate debug file with the same build-id, or .gnu_debugdata's) joins it only when .dynsym has no answer. */
#ifndef STACK_SYMBOLS_H
#define STACK_SYMBOLS_H

#include "hangdog/base.h"

#define HD_SYMBOL_NAME_MAX 4096 /* longer ones are cut */

struct hd_image;
struct hd_symbols;

/* Of HD_SYMBOL_TLS the addresses count from the start of the file's thread-local block. */
enum hd_symbol_want { HD_SYMBOL_CODE = 0, HD_SYMBOL_DATA, HD_SYMBOL_TLS, HD_SYMBOL_WANTS };

struct hd_symbol {
	uint64_t value, size;
	const char *name; /* borrowed: until the next call for this file */
};

/* The symbol whose [value, value+size) contains vaddr; of several the innermost, then the most public name.
 * For code, a sizeless symbol counts for [value, value+1). */
HD_MUST_CHECK bool hd_symbols_find(struct hd_image *image, uint64_t vaddr, enum hd_symbol_want want, struct hd_symbol *ret);
/* The address of a symbol with just this name; looks through whole tables, so only for files that are small. */
HD_MUST_CHECK bool hd_symbols_address(struct hd_image *image, const char *name, uint64_t *ret_vaddr);
/* Name number `i` of .dynsym, as relocations refer to it. */
HD_MUST_CHECK bool hd_symbols_dynamic_name(struct hd_image *image, uint32_t i, char *buf, size_t cap);
/* Is there any .symtab for it?  Without one only exported functions have names. */
HD_MUST_CHECK bool hd_symbols_is_full(const struct hd_image *image);
/* The separate debug file below /usr/lib/debug with the same build-id: an image of the caller's own, NULL = none. */
struct hd_image *hd_symbols_debug_file(const struct hd_image *image);
void hd_symbols_free(struct hd_symbols *symbols);

#endif
