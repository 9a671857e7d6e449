/* Code objects, remembered between calls: names and line tables are read once per code object. */
#include <string.h>

#include "parse/py_reader.h"

#define SLOTS (HD_PY_CODES_MAX * 2u)

static void code_free(struct hd_py_code *code)
{
	if (code == NULL)
		return;
	free(code->table);
	free(code->file);
	free(code->function);
	free(code);
}

void hd_py_code_free_all(struct hd_python *py)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		code_free(py->codes[i]);
		py->codes[i] = NULL;
	}
	py->n_codes = 0;
	py->code_bytes = 0;
}

/* The words that tell whether it is still the same code object. */
static bool code_key(struct hd_python *py, uint64_t addr, struct hd_py_code *ret)
{
	const struct hd_py_layout *at = &py->at;
	int32_t name = at->co_qualname != HD_PY_NONE ? at->co_qualname : at->co_name;
	*ret = (struct hd_py_code){.addr = addr, .session = py->session};
	if (addr % 8 != 0 || hd_py_type_of(py, addr) != HD_PY_CODE ||
	    !hd_py_u64(py, addr + (uint64_t)at->co_filename, &ret->filename) ||
	    !hd_py_u64(py, addr + (uint64_t)name, &ret->name) ||
	    !hd_py_u64(py, addr + (uint64_t)at->co_linetable, &ret->linetable) ||
	    !hd_py_i32(py, addr + (uint64_t)at->co_firstlineno, &ret->firstlineno))
		return false;
	/* 3.11+: the instructions lie in the code object itself; before, instruction addresses are not needed. */
	ret->bytecode = at->co_bytecode != HD_PY_NONE ? addr + (uint64_t)at->co_bytecode : 0;
	return true;
}

static bool code_is_same(const struct hd_py_code *a, const struct hd_py_code *b)
{
	return a->filename == b->filename && a->name == b->name && a->linetable == b->linetable &&
	       a->firstlineno == b->firstlineno;
}

static void table_read(struct hd_python *py, struct hd_py_code *code)
{
	uint64_t len;
	if (hd_py_type_of(py, code->linetable) != HD_PY_BYTES ||
	    !hd_py_u64(py, code->linetable + (uint64_t)py->at.object, &len) || len > HD_PY_TABLE_MAX ||
	    py->code_bytes + len > HD_PY_CODE_BYTES_MAX)
		return;
	uint8_t *table = malloc(len != 0 ? (size_t)len : 1);
	if (table == NULL)
		abort();
	if (!hd_py_read(py, code->linetable + (uint64_t)py->at.bytes_data, table, (size_t)len)) {
		free(table);
		return;
	}
	code->table = table;
	code->table_len = (uint32_t)len;
	py->code_bytes += (size_t)len;
}

static struct hd_py_code *code_add(struct hd_python *py, const struct hd_py_code *key)
{
	struct hd_py_code *code = malloc(sizeof(*code));
	if (code == NULL)
		abort();
	*code = *key;
	code->file = hd_py_str(py, key->filename);
	code->function = hd_py_str(py, key->name);
	table_read(py, code);
	code->out_file = hd_arena_str(py->arena, code->file);
	code->out_function = hd_arena_str(py->arena, code->function);
	py->n_codes++;
	return code;
}

const struct hd_py_code *hd_py_code_get(struct hd_python *py, uint64_t addr)
{
	struct hd_py_code key;
	uint32_t slot = (uint32_t)((addr >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % SLOTS;
	while (py->codes[slot] != NULL && py->codes[slot]->addr != addr)
		slot = (slot + 1) % SLOTS;
	struct hd_py_code *code = py->codes[slot];
	if (code != NULL && code->session == py->session)
		return code;
	if (!code_key(py, addr, &key))
		return NULL;
	if (code != NULL && code_is_same(code, &key)) {
		code->session = py->session;
		code->out_file = hd_arena_str(py->arena, code->file);
		code->out_function = hd_arena_str(py->arena, code->function);
		return code;
	}
	if (code == NULL && py->n_codes >= HD_PY_CODES_MAX)
		return NULL;
	if (code != NULL) {
		py->n_codes--;
		py->code_bytes -= code->table_len;
		code_free(code);
	}
	return py->codes[slot] = code_add(py, &key);
}
