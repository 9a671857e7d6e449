#include "parse/py_layout.h"

#include <errno.h>
#include <string.h>

#define N HD_PY_NONE
#define COLUMNS 11

/* Column of 3.MINOR: free-threaded builds exist from 3.13 on and stand right of the normal ones. */
static int layout_column(unsigned minor, bool is_free_threaded)
{
	if (minor < 8 || minor > 15 || (is_free_threaded && minor < 13))
		return -1;
	if (minor < 13)
		return (int)minor - 8;
	return 5 + 2 * ((int)minor - 13) + (is_free_threaded ? 1 : 0);
}

static const struct {
	size_t at;
	int32_t column[COLUMNS];
} field_table[] = {
#define FIELD(name, ...) {offsetof(struct hd_py_layout, name), {__VA_ARGS__}},
#include "parse/py_layout.def"
#undef FIELD
};

static const struct {
	size_t at;
	int32_t place[3];
} debug_table[] = {
#define DEBUG(name, ...) {offsetof(struct hd_py_layout, name), {__VA_ARGS__}},
#include "parse/py_layout.def"
#undef DEBUG
};

static int32_t *layout_field(struct hd_py_layout *layout, size_t at)
{
	return (int32_t *)((char *)layout + at);
}

int hd_py_layout_get(unsigned minor, bool is_free_threaded, struct hd_py_layout *ret)
{
	int column = layout_column(minor, is_free_threaded);
	if (column < 0)
		return -ENOENT;
	ret->minor = (uint8_t)minor;
	ret->is_free_threaded = is_free_threaded;
	for (size_t i = 0; i < HD_COUNTOF(field_table); i++)
		*layout_field(ret, field_table[i].at) = field_table[i].column[column];
	return 0;
}

static uint64_t load_u64(const uint8_t *bytes)
{
	uint64_t v;
	memcpy(&v, bytes, sizeof(v));
	return v;
}

bool hd_py_layout_debug_version(const uint8_t *bytes, size_t len, uint64_t *ret_hex, bool *ret_free_threaded)
{
	if (len < 24 || memcmp(bytes, "xdebugpy", 8) != 0 || load_u64(bytes + 16) > 1)
		return false;
	*ret_hex = load_u64(bytes + 8);
	*ret_free_threaded = load_u64(bytes + 16) == 1;
	return true;
}

int hd_py_layout_overlay(struct hd_py_layout *layout, const uint8_t *bytes, size_t len)
{
	struct hd_py_layout with = *layout;
	uint64_t hex;
	bool is_free_threaded;
	if (layout->minor < 13 || !hd_py_layout_debug_version(bytes, len, &hex, &is_free_threaded))
		return -EINVAL;
	for (size_t i = 0; i < HD_COUNTOF(debug_table); i++) {
		int32_t place = debug_table[i].place[layout->minor - 13];
		int32_t *field = layout_field(&with, debug_table[i].at);
		if (place == N || *field == N)
			continue; /* fields that only free-threaded builds have read 0 in the others */
		if ((size_t)place + 8 > len || load_u64(bytes + place) > 1 << 20)
			return -EINVAL;
		*field = (int32_t)load_u64(bytes + place);
	}
	/* The GIL words are told relative to the interpreter, and mean its own GIL; sub-interpreters may use another.
	 */
	with.gil_locked -= with.interp_own_gil;
	with.gil_holder -= with.interp_own_gil;
	if (with.gil_locked < 0 || with.gil_holder < 0)
		return -EINVAL;
	with.str_compact = with.str_ascii + 16;
	*layout = with;
	return 0;
}
