/* Locals as texts for people: the plain values written out, everything else by its class.  Nothing is called. */
#include <errno.h>
#include <string.h>

#include "parse/py_reader.h"

#define TEXTS_MAX 64u    /* locals of a frame */
#define STRING_SHOWN 80u /* bytes of a str */
#define ITEMS_SHOWN 4u   /* of a container */
#define DEPTH_SHOWN 2u

static void repr(struct hd_python *py, uint64_t object, unsigned depth, struct hd_buf *out);

static void repr_str(struct hd_python *py, uint64_t object, struct hd_buf *out)
{
	HD_CLEAN_PTR char *text = hd_py_str(py, object);
	size_t len = text != NULL ? strlen(text) : 0;
	bool is_cut = len > STRING_SHOWN;
	if (is_cut) {
		len = STRING_SHOWN;
		while (len > 0 && (text[len] & 0xc0) == 0x80)
			len--;
		text[len] = '\0';
	}
	hd_buf_char(out, '\'');
	hd_buf_safe(out, text != NULL ? text : "?");
	hd_buf_str(out, is_cut ? "'..." : "'");
}

/* PyLongObject: 30-bit digits; the sign is that of ob_size, from 3.12 on in the low two bits of lv_tag (2 = negative).
 */
static void repr_int(struct hd_python *py, uint64_t object, struct hd_buf *out)
{
	uint64_t size, own = object + (uint64_t)py->at.object;
	uint32_t digits[2] = {0};
	if (!hd_py_u64(py, own, &size)) {
		hd_buf_char(out, '?');
		return;
	}
	bool is_negative = py->at.minor >= 12 ? (size & 3) == 2 : (int64_t)size < 0;
	uint64_t n = py->at.minor >= 12 ? size >> 3 : is_negative ? 0 - size : size;
	if (n > 2 || !hd_py_read(py, own + 8, digits, 4 * (size_t)n)) {
		hd_buf_str(out, is_negative ? "<large negative int>" : "<large int>");
		return;
	}
	hd_buf_printf(out, "%s%llu", is_negative ? "-" : "",
		      (unsigned long long)digits[0] | (unsigned long long)digits[1] << 30);
}

static void repr_float(struct hd_python *py, uint64_t object, struct hd_buf *out)
{
	double value;
	if (hd_py_read(py, object + (uint64_t)py->at.object, &value, sizeof(value)))
		hd_buf_printf(out, "%.12g", value);
	else
		hd_buf_char(out, '?');
}

static void repr_bool(struct hd_python *py, uint64_t object, struct hd_buf *out)
{
	uint32_t digit = 0;
	bool is_known = hd_py_read(py, object + (uint64_t)py->at.object + 8, &digit, sizeof(digit));
	hd_buf_str(out, !is_known ? "?" : digit != 0 ? "True" : "False");
}

static void repr_items(struct hd_python *py, uint64_t object, const char *brackets, unsigned depth, struct hd_buf *out)
{
	struct hd_py_kids kids;
	uint32_t shown = 0;
	hd_py_kids_open(py, object, &kids);
	hd_buf_char(out, brackets[0]);
	for (uint32_t i = 0; i < kids.n && shown < ITEMS_SHOWN && depth < DEPTH_SHOWN; i++) {
		uint64_t key = 0, value = hd_py_kid(py, &kids, i, NULL);
		if (value == 0)
			continue;
		hd_buf_str(out, shown++ != 0 ? ", " : "");
		if (kids.kind == HD_PY_KIDS_KEYS && hd_py_entry(py, &kids.entries, i, &key, &value)) {
			repr(py, key, depth + 1, out);
			hd_buf_str(out, ": ");
		}
		repr(py, value, depth + 1, out);
	}
	hd_buf_str(out, kids.n > shown ? (shown != 0 ? ", ..." : "...") : "");
	hd_buf_char(out, brackets[1]);
}

static void repr_other(struct hd_python *py, uint64_t object, struct hd_buf *out)
{
	char name[64];
	hd_py_type_name(py, object, name, sizeof(name));
	hd_buf_char(out, '<');
	hd_buf_safe(out, name[0] != '\0' ? name : "?");
	hd_buf_printf(out, " at 0x%llx>", (unsigned long long)object);
}

static void repr(struct hd_python *py, uint64_t object, unsigned depth, struct hd_buf *out)
{
	switch (hd_py_type_of(py, object)) {
	case HD_PY_NULLTYPE:
		hd_buf_str(out, "None");
		break;
	case HD_PY_STR:
		repr_str(py, object, out);
		break;
	case HD_PY_INT:
		repr_int(py, object, out);
		break;
	case HD_PY_FLOAT:
		repr_float(py, object, out);
		break;
	case HD_PY_BOOL:
		repr_bool(py, object, out);
		break;
	case HD_PY_LIST:
		repr_items(py, object, "[]", depth, out);
		break;
	case HD_PY_TUPLE:
		repr_items(py, object, "()", depth, out);
		break;
	case HD_PY_DICT:
		repr_items(py, object, "{}", depth, out);
		break;
	default:
		repr_other(py, object, out);
	}
}

int hd_python_locals(struct hd_python *py, struct hd_mem *mem, const struct hd_py_thread *thread, uint32_t i,
		     struct hd_arena *arena, const char *const **ret_texts, uint32_t *ret_n)
{
	struct hd_py_words words;
	HD_CLEAN_BUF struct hd_buf text = {0};
	if (i >= thread->stack.n)
		return -EINVAL;
	hd_py_begin(py, mem, arena);
	if (!hd_py_words_open(py, &thread->stack.at[i], &words))
		return -EFAULT;
	const char **texts = HD_NEW_N(arena, TEXTS_MAX, const char *);
	uint32_t n = 0;
	for (uint32_t k = 0; k < words.n_locals && n < TEXTS_MAX; k++) {
		uint64_t value = hd_py_local_value(py, &words, k);
		HD_CLEAN_PTR char *name = value != 0 ? hd_py_str(py, hd_py_local_name(py, &words, k)) : NULL;
		if (name == NULL)
			continue;
		hd_buf_clear(&text);
		hd_buf_safe(&text, name);
		hd_buf_char(&text, '=');
		repr(py, value, 0, &text);
		texts[n++] = hd_arena_str(arena, hd_buf_text(&text));
	}
	*ret_texts = texts;
	*ret_n = n;
	return 0;
}
