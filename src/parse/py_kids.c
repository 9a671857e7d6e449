/* What an object leads to, one step at a time: how locks are found from variables, and names made for them. */
#include <inttypes.h>
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

/* PyTypeObject: tp_base, tp_dict, two more, tp_dictoffset (Include/cpython/object.h).  Classes of the interpreter itself have
 * no locks of the program. */
static void kids_classes(struct hd_python *py, uint64_t type, uint64_t object, struct hd_py_kids *ret)
{
	uint64_t dict, at = (uint64_t)py->at.tp_dictoffset;
	ret->object = object;
	while (type != 0 && ret->n_classes < HD_PY_CLASSES_MAX && (hd_py_type_flags(py, type) & HD_PY_FLAG_HEAP) != 0) {
		struct hd_py_entries *entries = &ret->classes[ret->n_classes];
		if (!hd_py_u64(py, type + at - 24, &dict) || !hd_py_dict_open(py, dict, entries) ||
		    !hd_py_u64(py, type + at - 32, &type))
			return;
		if (entries->n > HD_PY_KIDS_MAX)
			entries->n = HD_PY_KIDS_MAX;
		ret->kind = HD_PY_KIDS_ATTRS;
		ret->n += entries->n;
		ret->n_classes++;
	}
}

/* PyMemberDescrObject: d_type, d_name, d_qualname, d_member; PyMemberDef: name, type, offset (Include/cpython/descrobject.h). */
static uint64_t slot_value(struct hd_python *py, uint64_t object, uint64_t descriptor)
{
	char name[32];
	uint64_t member, offset, value;
	hd_py_type_name(py, descriptor, name, sizeof(name));
	if (strcmp(name, "member_descriptor") != 0)
		return descriptor;
	return object != 0 && hd_py_u64(py, descriptor + (uint64_t)py->at.object + 24, &member) &&
			       hd_py_u64(py, member + 16, &offset) && offset < 1 << 16 && hd_py_u64(py, object + offset, &value)
		       ? value
		       : 0;
}

/* The i-th attribute of all the classes. */
static uint64_t class_kid(struct hd_python *py, const struct hd_py_kids *kids, uint32_t i, uint64_t *ret_key)
{
	uint64_t value;
	for (uint32_t c = 0; c < kids->n_classes; c++) {
		if (i < kids->classes[c].n)
			return hd_py_entry(py, &kids->classes[c], i, ret_key, &value) && value != 0
				       ? slot_value(py, kids->object, value)
				       : 0;
		i -= kids->classes[c].n;
	}
	return 0;
}

static void kids_attrs(struct hd_python *py, uint64_t object, struct hd_py_kids *ret)
{
	char name[32];
	if (hd_py_instance_open(py, object, &ret->entries)) {
		ret->kind = HD_PY_KIDS_ATTRS;
		ret->n = ret->n_own = ret->entries.n < HD_PY_KIDS_MAX ? ret->entries.n : HD_PY_KIDS_MAX;
	}
	kids_classes(py, hd_py_type_addr(py, object), object, ret);
	hd_py_type_name(py, object, name, sizeof(name));
	if (strcmp(name, "_io.TextIOWrapper") == 0)
		kids_one(py, object, 16, ".buffer", ret); /* behind ok, detached, chunk_size: Modules/_io/textio.c */
}

void hd_py_kids_open(struct hd_python *py, uint64_t object, struct hd_py_kids *ret)
{
	enum hd_py_type type = hd_py_type_of(py, object);
	uint64_t flags = type == HD_PY_OTHER ? hd_py_type_flags(py, hd_py_type_addr(py, object)) : 0;
	*ret = (struct hd_py_kids){0};
	if (type == HD_PY_BUILTIN || type == HD_PY_METHOD) {
		kids_one(py, object, 8, "", ret); /* m_self, im_self */
	} else if (type == HD_PY_CELL) {
		kids_one(py, object, 0, "", ret);
	} else if (type == HD_PY_LIST || type == HD_PY_TUPLE || (flags & (HD_PY_FLAG_LIST | HD_PY_FLAG_TUPLE)) != 0) {
		kids_items(py, object, type == HD_PY_LIST || (flags & HD_PY_FLAG_LIST) != 0, ret);
	} else if (type == HD_PY_DICT || (flags & HD_PY_FLAG_DICT) != 0) { /* a defaultdict, too */
		if (hd_py_dict_open(py, object, &ret->entries)) {
			ret->kind = HD_PY_KIDS_KEYS;
			ret->n = ret->n_own = ret->entries.n < HD_PY_KIDS_MAX ? ret->entries.n : HD_PY_KIDS_MAX;
		}
	} else if (type == HD_PY_TYPE || (flags & HD_PY_FLAG_TYPE) != 0) {
		kids_classes(py, object, 0, ret);
	} else if (type == HD_PY_OTHER) {
		kids_attrs(py, object, ret);
	}
}

static void label_entry(struct hd_python *py, const struct hd_py_kids *kids, uint64_t key, struct hd_buf *label)
{
	HD_CLEAN_PTR char *text = hd_py_str(py, key);
	bool is_attr = kids->kind == HD_PY_KIDS_ATTRS;
	uint64_t number;
	if (text == NULL && hd_py_int(py, key, &number)) {
		hd_buf_printf(label, "[%" PRIu64 "]", number);
		return;
	}
	hd_buf_str(label, is_attr ? "." : text != NULL ? "['" : "[");
	hd_buf_safe(label, text != NULL ? text : "...");
	hd_buf_str(label, is_attr ? "" : text != NULL ? "']" : "]");
}

uint64_t hd_py_kid(struct hd_python *py, const struct hd_py_kids *kids, uint32_t i, struct hd_buf *label)
{
	uint64_t key = 0, value;
	if (kids->kind == HD_PY_KIDS_ATTRS || kids->kind == HD_PY_KIDS_KEYS) {
		if (i >= kids->n_own)
			value = class_kid(py, kids, i - kids->n_own, &key);
		else if (!hd_py_entry(py, &kids->entries, i, &key, &value))
			return 0;
		if (key == 0)
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
