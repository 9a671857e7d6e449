/* Objects: types by name, str, int, dict, attributes (reference: cpython.md sections 4 and 5). */
#include <string.h>

#include "parse/py_reader.h"
#include "parse/py_text.h"

#define TPFLAGS_INLINE_VALUES (1u << 2) /* 3.13+ */
#define TPFLAGS_MANAGED_DICT (1u << 4)  /* 3.11+ */
#define TPFLAGS_HEAPTYPE (1u << 9)

static const struct {
	const char *name;
	enum hd_py_type type;
	bool may_be_heap; /* static in some versions, a heap type in others; the rest are static always */
} type_table[] = {
	{"str", HD_PY_STR, false},
	{"int", HD_PY_INT, false},
	{"dict", HD_PY_DICT, false},
	{"tuple", HD_PY_TUPLE, false},
	{"list", HD_PY_LIST, false},
	{"bytes", HD_PY_BYTES, false},
	{"NoneType", HD_PY_NULLTYPE, false},
	{"bool", HD_PY_BOOL, false},
	{"float", HD_PY_FLOAT, false},
	{"module", HD_PY_MODULE, false},
	{"function", HD_PY_FUNCTION, false},
	{"type", HD_PY_TYPE, false},
	{"code", HD_PY_CODE, false},
	{"cell", HD_PY_CELL, false},
	{"builtin_function_or_method", HD_PY_BUILTIN, false},
	{"method", HD_PY_METHOD, false},
	{"_thread.lock", HD_PY_LOCK, true},
	{"_thread.RLock", HD_PY_RLOCK, true},
};

uint64_t hd_py_type_addr(struct hd_python *py, uint64_t object)
{
	uint64_t type;
	return object % 8 == 0 && hd_py_u64(py, object + (uint64_t)py->at.ob_type, &type) ? type : 0;
}

/* tp_name, cut at cap - 1 bytes; "" when not readable. */
static void type_text(struct hd_python *py, uint64_t type, char *ret, size_t cap)
{
	uint64_t name;
	size_t len = cap - 1;
	if (!hd_py_u64(py, type + (uint64_t)py->at.tp_name, &name))
		len = 0;
	while (len > 0 && !hd_py_read(py, name, ret, len))
		len /= 2; /* the name may be the last thing before an unmapped page */
	ret[len] = '\0';
}

static enum hd_py_type type_by_name(struct hd_python *py, uint64_t type)
{
	uint64_t flags;
	char text[32];
	if (!hd_py_u64(py, type + (uint64_t)py->at.tp_flags, &flags))
		return HD_PY_OTHER;
	type_text(py, type, text, sizeof(text));
	for (size_t i = 0; i < HD_COUNTOF(type_table); i++) {
		if (strcmp(text, type_table[i].name) == 0 &&
		    (type_table[i].may_be_heap || (flags & TPFLAGS_HEAPTYPE) == 0))
			return type_table[i].type;
	}
	return HD_PY_OTHER;
}

uint64_t hd_py_type_flags(struct hd_python *py, uint64_t type)
{
	uint64_t flags;
	return type != 0 && hd_py_u64(py, type + (uint64_t)py->at.tp_flags, &flags) ? flags : 0;
}

void hd_py_type_name(struct hd_python *py, uint64_t object, char *ret, size_t cap)
{
	type_text(py, hd_py_type_addr(py, object), ret, cap);
}

enum hd_py_type hd_py_type_of(struct hd_python *py, uint64_t object)
{
	uint64_t type = hd_py_type_addr(py, object);
	if (type == 0)
		return HD_PY_OTHER;
	struct hd_py_known_type *known = &py->types[(type >> 4) % HD_COUNTOF(py->types)];
	if (known->addr != type || known->session != py->session)
		*known = (struct hd_py_known_type){type, py->session, type_by_name(py, type)};
	return known->type;
}

struct str_header {
	uint64_t length, data; /* data: address of the characters */
	struct hd_py_str_state state;
};

static bool str_open(struct hd_python *py, uint64_t object, struct str_header *ret)
{
	uint32_t state;
	const struct hd_py_layout *at = &py->at;
	if (!hd_py_u64(py, object + (uint64_t)at->str_length, &ret->length) ||
	    !hd_py_read(py, object + (uint64_t)at->str_state, &state, sizeof(state)))
		return false;
	ret->state = hd_py_str_state_parse(state, at->is_free_threaded && at->minor >= 14);
	uint8_t kind = ret->state.kind;
	if ((kind != 1 && kind != 2 && kind != 4) || ret->length >= 1u << 28)
		return false;
	ret->data = object + (uint64_t)(ret->state.is_ascii ? at->str_ascii : at->str_compact);
	return ret->state.is_compact || hd_py_u64(py, object + (uint64_t)at->str_compact, &ret->data);
}

bool hd_py_str_is(struct hd_python *py, uint64_t object, const char *ascii)
{
	struct str_header str;
	char text[64];
	size_t len = strlen(ascii);
	if (hd_py_type_of(py, object) != HD_PY_STR || !str_open(py, object, &str) || str.length != len || str.state.kind != 1)
		return false;
	for (size_t at = 0; at < len; at += sizeof(text)) {
		size_t step = len - at < sizeof(text) ? len - at : sizeof(text);
		if (!hd_py_read(py, str.data + at, text, step) || memcmp(text, ascii + at, step) != 0)
			return false;
	}
	return true;
}

char *hd_py_str(struct hd_python *py, uint64_t object)
{
	struct str_header str;
	uint8_t chars[HD_PY_TEXT_MAX * 4];
	char text[HD_PY_TEXT_MAX * 4 + 1];
	if (hd_py_type_of(py, object) != HD_PY_STR || !str_open(py, object, &str))
		return NULL;
	size_t n = str.length < HD_PY_TEXT_MAX ? (size_t)str.length : HD_PY_TEXT_MAX;
	if (!hd_py_read(py, str.data, chars, n * str.state.kind))
		return NULL;
	hd_py_text_decode(chars, n, str.state.kind, text);
	return strdup(text);
}

bool hd_py_int(struct hd_python *py, uint64_t object, uint64_t *ret)
{
	uint64_t size;
	uint32_t digits[3] = {0};
	uint64_t head = object + (uint64_t)py->at.object;
	if (hd_py_type_of(py, object) != HD_PY_INT || !hd_py_u64(py, head, &size))
		return false;
	/* 3.12+: lv_tag, the count above three flag bits (2: negative); before: ob_size, negative where the number is. */
	uint64_t n = py->at.minor >= 12 ? size >> 3 : size;
	if (n > 3 || (py->at.minor >= 12 && (size & 3) == 2) || !hd_py_read(py, head + 8, digits, 4 * (size_t)n) || digits[2] >> 4 != 0)
		return false;
	*ret = digits[0] | (uint64_t)digits[1] << 30 | (uint64_t)digits[2] << 60;
	return true;
}

/* PyDictKeysObject (Objects/dict-common.h, pycore_dict.h): a header, the index area, the entries. */
static bool keys_open(struct hd_python *py, uint64_t keys, struct hd_py_entries *ret)
{
	uint8_t head[40]; /* refcnt 0, then per version */
	uint64_t n, size;
	if (!hd_py_read(py, keys, head, sizeof(head)))
		return false;
	if (py->at.minor >= 11) {
		uint8_t log2_index_bytes = head[9];
		memcpy(&n, head + 24, sizeof(n));
		if (log2_index_bytes > 40)
			return false;
		ret->at = keys + 32 + (UINT64_C(1) << log2_index_bytes);
		ret->has_hash = head[10] == 0;
	} else {
		memcpy(&size, head + 8, sizeof(size));
		memcpy(&n, head + 32, sizeof(n));
		if (size > UINT64_C(1) << 40)
			return false;
		ret->at = keys + 40 + size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8);
		ret->has_hash = true;
	}
	ret->n = n < HD_PY_ENTRIES_MAX ? (uint32_t)n : HD_PY_ENTRIES_MAX;
	return true;
}

bool hd_py_dict_open(struct hd_python *py, uint64_t dict, struct hd_py_entries *ret)
{
	uint64_t keys, values;
	if (!hd_py_u64(py, dict + (uint64_t)py->at.dict_keys, &keys) ||
	    !hd_py_u64(py, dict + (uint64_t)py->at.dict_values, &values))
		return false;
	/* 3.13+: PyDictValues begins with four bytes of bookkeeping. */
	ret->values = values != 0 && py->at.minor >= 13 ? values + 8 : values;
	return keys_open(py, keys, ret);
}

/* Where an instance of a managed-dict type keeps its values: inline, described by its type's shared keys, or a dict. */
static bool managed_open(struct hd_python *py, uint64_t object, uint64_t type, uint64_t flags,
			 struct hd_py_entries *ret)
{
	uint64_t word, keys, values = 0, size;
	if (!hd_py_u64(py, object + (uint64_t)(int64_t)py->at.ob_dict, &word))
		return false;
	if (py->at.minor == 11) {
		if (!hd_py_u64(py, object - 32, &values))
			return false;
	} else if (py->at.minor == 12) {
		values = word & 1 ? word + 1 : 0;
	} else if (word == 0 && (flags & TPFLAGS_INLINE_VALUES) != 0) {
		if (!hd_py_u64(py, type + (uint64_t)py->at.tp_basicsize, &size) || size > 1 << 20)
			return false;
		values = object + size + 8;
	}
	if (values == 0)
		return word != 0 && hd_py_dict_open(py, word, ret);
	ret->values = values;
	return hd_py_u64(py, type + (uint64_t)py->at.ht_cached_keys, &keys) && keys != 0 && keys_open(py, keys, ret);
}

bool hd_py_instance_open(struct hd_python *py, uint64_t object, struct hd_py_entries *ret)
{
	uint64_t type = hd_py_type_addr(py, object), flags, offset, dict;
	if (type == 0 || !hd_py_u64(py, type + (uint64_t)py->at.tp_flags, &flags))
		return false;
	if (py->at.minor >= 11 && (flags & TPFLAGS_MANAGED_DICT) != 0)
		return managed_open(py, object, type, flags, ret);
	if (!hd_py_u64(py, type + (uint64_t)py->at.tp_dictoffset, &offset) || offset == 0 || offset > 1 << 20)
		return false;
	return hd_py_u64(py, object + offset, &dict) && dict != 0 && hd_py_dict_open(py, dict, ret);
}

bool hd_py_entry(struct hd_python *py, const struct hd_py_entries *entries, uint32_t i, uint64_t *ret_key,
		 uint64_t *ret_value)
{
	uint64_t pair[3];
	size_t size = entries->has_hash ? 24 : 16;
	if (!hd_py_read(py, entries->at + i * size, pair, size))
		return false;
	*ret_key = pair[entries->has_hash ? 1 : 0];
	*ret_value = pair[entries->has_hash ? 2 : 1];
	return entries->values == 0 || hd_py_u64(py, entries->values + 8 * (uint64_t)i, ret_value);
}

uint64_t hd_py_entry_find(struct hd_python *py, const struct hd_py_entries *entries, const char *key)
{
	uint64_t name, value;
	for (uint32_t i = 0; i < entries->n && hd_py_entry(py, entries, i, &name, &value); i++) {
		if (name != 0 && value != 0 && hd_py_str_is(py, name, key))
			return value;
	}
	return 0;
}

uint64_t hd_py_attr(struct hd_python *py, uint64_t object, const char *name)
{
	struct hd_py_entries entries;
	return hd_py_instance_open(py, object, &entries) ? hd_py_entry_find(py, &entries, name) : 0;
}

/* sys.modules[name].__dict__ */
uint64_t hd_py_module_globals(struct hd_python *py, uint64_t interp, const char *name)
{
	struct hd_py_entries modules;
	uint64_t dict, ret;
	if (!hd_py_u64(py, interp + (uint64_t)py->at.interp_modules, &dict) || hd_py_type_of(py, dict) != HD_PY_DICT ||
	    !hd_py_dict_open(py, dict, &modules))
		return 0;
	uint64_t module = hd_py_entry_find(py, &modules, name);
	if (module == 0 || hd_py_type_of(py, module) != HD_PY_MODULE ||
	    !hd_py_u64(py, module + (uint64_t)py->at.object, &ret) || hd_py_type_of(py, ret) != HD_PY_DICT)
		return 0;
	return ret;
}

uint64_t hd_py_main_interp(struct hd_python *py)
{
	uint64_t interp;
	return hd_py_u64(py, py->runtime + (uint64_t)py->at.rt_main, &interp) ? interp : 0;
}
