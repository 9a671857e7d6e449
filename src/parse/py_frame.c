/* One frame: where it stands in its code, and the words of its locals and value stack. */
#include "parse/py_reader.h"

#include "parse/py_lines.h"

#define LOCALS_MAX 1024u
#define STACK_MAX 1024u
#define BLOCKS_MAX 20 /* CO_MAXBLOCKS, Include/cpython/code.h */
#define EXCEPTIONS_MAX 65536u

uint64_t hd_py_untag(const struct hd_python *py, uint64_t word)
{
	if (py->at.minor < 14)
		return word;
	return (word & 3) == 3 ? 0 : word & ~UINT64_C(3);
}

/* FRAME_OWNED_BY_*: 3 = C stack (3.12, 3.13) or the interpreter (3.14+), 4 = C stack (3.14+). */
static bool owner_is_shim(const struct hd_python *py, uint8_t owner)
{
	return py->at.minor >= 12 && owner >= 3;
}

/* Start of the instructions that this frame runs; free-threaded 3.14+ gives each thread its own copy. */
static bool bytecode_start(struct hd_python *py, const struct hd_py_place *place, uint64_t *ret)
{
	int32_t index;
	uint64_t copies, n;
	*ret = place->code + (uint64_t)py->at.co_bytecode;
	if (py->at.co_tlbc == HD_PY_NONE)
		return true;
	if (!hd_py_i32(py, place->frame + (uint64_t)py->at.fr_tlbc_index, &index))
		return false;
	if (index <= 0)
		return index == 0;
	return hd_py_u64(py, place->code + (uint64_t)py->at.co_tlbc, &copies) && hd_py_u64(py, copies, &n) &&
	       (uint64_t)index < n && hd_py_u64(py, copies + 8 + 8 * (uint64_t)index, ret);
}

static bool place_lasti(struct hd_python *py, struct hd_py_place *place)
{
	const struct hd_py_layout *at = &py->at;
	uint64_t start;
	int32_t lasti;
	if (at->minor < 11) {
		if (!hd_py_i32(py, place->frame + (uint64_t)at->fr_lasti, &lasti))
			return false;
		place->lasti = at->minor == 10 && lasti > 0 ? 2 * (int64_t)lasti : lasti;
		place->instr = (uint64_t)place->lasti;
		return true;
	}
	if (!hd_py_u64(py, place->frame + (uint64_t)at->fr_instr, &place->instr) || !bytecode_start(py, place, &start))
		return false;
	place->lasti = (int64_t)(place->instr - start);
	return true;
}

bool hd_py_place_read(struct hd_python *py, uint64_t frame, struct hd_py_place *ret)
{
	const struct hd_py_layout *at = &py->at;
	uint8_t owner = 0, is_entry = 0;
	*ret = (struct hd_py_place){.frame = frame};
	if (frame % 8 != 0 || !hd_py_u64(py, frame + (uint64_t)at->fr_back, &ret->back) ||
	    !hd_py_u64(py, frame + (uint64_t)at->fr_code, &ret->code) ||
	    (at->fr_owner != HD_PY_NONE && !hd_py_u8(py, frame + (uint64_t)at->fr_owner, &owner)) ||
	    (at->fr_is_entry != HD_PY_NONE && !hd_py_u8(py, frame + (uint64_t)at->fr_is_entry, &is_entry)))
		return false;
	ret->code = hd_py_untag(py, ret->code);
	ret->is_shim = owner_is_shim(py, owner);
	ret->is_entry = is_entry != 0;
	return ret->is_shim || place_lasti(py, ret);
}

/* ---- words ---- */

static bool tuple_size(struct hd_python *py, uint64_t code, int32_t field, uint32_t *ret)
{
	uint64_t tuple, n;
	if (!hd_py_u64(py, code + (uint64_t)field, &tuple) || !hd_py_u64(py, tuple + (uint64_t)py->at.object, &n) ||
	    n > LOCALS_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool locals_count(struct hd_python *py, uint64_t code, uint32_t *ret)
{
	const struct hd_py_layout *at = &py->at;
	int32_t n;
	uint32_t cells = 0, frees = 0;
	if (!hd_py_i32(py, code + (uint64_t)(at->minor < 11 ? at->co_nlocals : at->co_nlocalsplus), &n) || n < 0 ||
	    n > (int32_t)LOCALS_MAX)
		return false;
	if (at->minor < 11 &&
	    (!tuple_size(py, code, at->co_cellvars, &cells) || !tuple_size(py, code, at->co_freevars, &frees)))
		return false;
	*ret = (uint32_t)n + cells + frees;
	return true;
}

/* Up to 3.10 the block stack says how deep the stack was when the innermost block was entered. */
static uint32_t live_by_blocks(struct hd_python *py, uint64_t frame)
{
	int32_t blocks, block[3]; /* type, handler, level */
	if (!hd_py_i32(py, frame + (uint64_t)py->at.fr_iblock, &blocks) || blocks <= 0 || blocks > BLOCKS_MAX ||
	    !hd_py_read(py, frame + (uint64_t)py->at.fr_blocks + sizeof(block) * (uint64_t)(blocks - 1), block,
			sizeof(block)))
		return 0;
	return block[2] > 0 ? (uint32_t)block[2] : 0;
}

/* From 3.11 on the exception table says how deep it is when the innermost handler is entered. */
static uint32_t live_by_handler(struct hd_python *py, const struct hd_py_place *place)
{
	uint64_t table, len;
	uint8_t bytes[4096];
	if (!hd_py_u64(py, place->code + (uint64_t)py->at.co_exceptions, &table) ||
	    hd_py_type_of(py, table) != HD_PY_BYTES || !hd_py_u64(py, table + (uint64_t)py->at.object, &len) ||
	    len > EXCEPTIONS_MAX)
		return 0;
	HD_CLEAN_PTR uint8_t *large = len > sizeof(bytes) ? malloc((size_t)len) : NULL;
	uint8_t *data = len > sizeof(bytes) ? large : bytes;
	if (data == NULL || !hd_py_read(py, table + (uint64_t)py->at.bytes_data, data, (size_t)len))
		return 0;
	int depth = hd_py_handler_depth(data, (size_t)len, place->lasti);
	return depth > 0 ? (uint32_t)depth : 0;
}

bool hd_py_words_open(struct hd_python *py, const struct hd_frame *frame, struct hd_py_words *ret)
{
	const struct hd_py_layout *at = &py->at;
	struct hd_py_place place;
	struct hd_py_words words = {.frame = frame->cfa, .code = frame->offset};
	int32_t stacksize;
	/* The frame was read earlier; it must still be there, in the same code. */
	if (frame->kind != HD_FRAME_PYTHON || !hd_py_place_read(py, frame->cfa, &place) ||
	    place.code != frame->offset || hd_py_type_of(py, place.code) != HD_PY_CODE ||
	    !locals_count(py, place.code, &words.n_locals) ||
	    !hd_py_i32(py, place.code + (uint64_t)at->co_stacksize, &stacksize) || stacksize < 0)
		return false;
	words.n_stack = stacksize < (int32_t)STACK_MAX ? (uint32_t)stacksize : STACK_MAX;
	words.locals = place.frame + (uint64_t)at->fr_locals;
	words.stack = words.locals + 8 * (uint64_t)words.n_locals;
	if (at->minor < 11 && !hd_py_u64(py, place.frame + (uint64_t)at->fr_valuestack, &words.stack))
		return false;
	words.n_live = at->minor < 11 ? live_by_blocks(py, place.frame) : live_by_handler(py, &place);
	if (words.n_live > words.n_stack)
		words.n_live = words.n_stack;
	*ret = words;
	return true;
}

uint64_t hd_py_word(struct hd_python *py, uint64_t base, uint32_t i)
{
	uint64_t word;
	return hd_py_u64(py, base + 8 * (uint64_t)i, &word) ? hd_py_untag(py, word) : 0;
}

static uint64_t tuple_item(struct hd_python *py, uint64_t code, int32_t field, uint32_t i)
{
	uint64_t tuple, item;
	return hd_py_u64(py, code + (uint64_t)field, &tuple) && hd_py_type_of(py, tuple) == HD_PY_TUPLE &&
			       hd_py_u64(py, tuple + (uint64_t)py->at.tuple_items + 8 * (uint64_t)i, &item)
		       ? item
		       : 0;
}

uint64_t hd_py_local_name(struct hd_python *py, const struct hd_py_words *words, uint32_t i)
{
	const struct hd_py_layout *at = &py->at;
	int32_t nlocals;
	uint32_t cells;
	if (at->minor >= 11)
		return tuple_item(py, words->code, at->co_varnames, i);
	if (!hd_py_i32(py, words->code + (uint64_t)at->co_nlocals, &nlocals) ||
	    !tuple_size(py, words->code, at->co_cellvars, &cells) || nlocals < 0)
		return 0;
	if (i < (uint32_t)nlocals)
		return tuple_item(py, words->code, at->co_varnames, i);
	i -= (uint32_t)nlocals;
	return i < cells ? tuple_item(py, words->code, at->co_cellvars, i)
			 : tuple_item(py, words->code, at->co_freevars, i - cells);
}

uint64_t hd_py_local_value(struct hd_python *py, const struct hd_py_words *words, uint32_t i)
{
	uint64_t value = hd_py_word(py, words->locals, i), inside;
	if (value == 0 || hd_py_type_of(py, value) != HD_PY_CELL)
		return value;
	return hd_py_u64(py, value + (uint64_t)py->at.object, &inside) ? inside : 0;
}
