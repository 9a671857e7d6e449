/* What an object leads to, one step at a time: how locks are found from variables, and names made for them. */
#include <string.h>

#include "parse/py_reader.h"

static void kids_one(struct hd_python *py, uint64_t object, int32_t offset, const char *label, struct hd_py_kids *ret)
{
	ret->kind = HD_PY_KIDS_ONE;
	ret->items = object + (uint64_t)(py->at.object + offset);
	ret->n = 1;
	ret->label = label;
}

/* list: ob_size, ob_item (a pointer).  tuple: ob_size, items inline. */
static void kids_items(struct hd_python *py, uint64_t object, bool is_list, struct hd_py_kids *ret)
{
	uint64_t n, items = object + (uint64_t)py->at.tuple_items;
	if (!hd_py_u64(py, object + (uint64_t)py->at.object, &n) ||
	    (is_list && !hd_py_u64(py, object + (uint64_t)py->at.object + 8, &items)))
		return;
	ret->kind = HD_PY_KIDS_ITEMS;
	ret->items = items;
	ret->n = n < HD_PY_KIDS_MAX ? (uint32_t)n : HD_PY_KIDS_MAX;
}

static void kids_attrs(struct hd_python *py, uint64_t object, struct hd_py_kids *ret)
{
	char name[32];
	if (hd_py_instance_open(py, object, &ret->entries)) {
		ret->kind = HD_PY_KIDS_ATTRS;
		ret->n = ret->entries.n < HD_PY_KIDS_MAX ? ret->entries.n : HD_PY_KIDS_MAX;
	}
	hd_py_type_name(py, object, name, sizeof(name));
	if (strcmp(name, "_io.TextIOWrapper") == 0)
		kids_one(py, object, 16, ".buffer", ret); /* behind ok, detached, chunk_size: Modules/_io/textio.c */
}

void hd_py_kids_open(struct hd_python *py, uint64_t object, struct hd_py_kids *ret)
{
	enum hd_py_type type = hd_py_type_of(py, object);
	*ret = (struct hd_py_kids){0};
	if (type == HD_PY_BUILTIN || type == HD_PY_METHOD) {
		kids_one(py, object, 8, "", ret); /* m_self, im_self */
	} else if (type == HD_PY_CELL) {
		kids_one(py, object, 0, "", ret);
	} else if (type == HD_PY_LIST || type == HD_PY_TUPLE) {
		kids_items(py, object, type == HD_PY_LIST, ret);
	} else if (type == HD_PY_DICT) {
		if (hd_py_dict_open(py, object, &ret->entries)) {
			ret->kind = HD_PY_KIDS_KEYS;
			ret->n = ret->entries.n < HD_PY_KIDS_MAX ? ret->entries.n : HD_PY_KIDS_MAX;
		}
	} else if (type == HD_PY_OTHER) {
		kids_attrs(py, object, ret);
	}
}

static void label_entry(struct hd_python *py, const struct hd_py_kids *kids, uint64_t key, struct hd_buf *label)
{
	HD_CLEAN_PTR char *text = hd_py_str(py, key);
	bool is_attr = kids->kind == HD_PY_KIDS_ATTRS;
	hd_buf_str(label, is_attr ? "." : text != NULL ? "['" : "[");
	hd_buf_safe(label, text != NULL ? text : "...");
	hd_buf_str(label, is_attr ? "" : text != NULL ? "']" : "]");
}

uint64_t hd_py_kid(struct hd_python *py, const struct hd_py_kids *kids, uint32_t i, struct hd_buf *label)
{
	uint64_t key, value;
	if (kids->kind == HD_PY_KIDS_ATTRS || kids->kind == HD_PY_KIDS_KEYS) {
		if (!hd_py_entry(py, &kids->entries, i, &key, &value) || key == 0)
			return 0;
		if (label != NULL)
			label_entry(py, kids, key, label);
		return value;
	}
	if (!hd_py_u64(py, kids->items + 8 * (uint64_t)i, &value))
		return 0;
	if (label != NULL && kids->kind == HD_PY_KIDS_ITEMS)
		hd_buf_printf(label, "[%u]", i);
	else if (label != NULL)
		hd_buf_str(label, kids->label);
	return value;
}
