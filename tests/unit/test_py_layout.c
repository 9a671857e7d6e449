#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "parse/py_layout.h"

static void put(uint8_t *bytes, size_t at, uint64_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

Test(py_layout, tables_exist_for_3_8_to_3_15_and_nothing_else, .timeout = 10)
{
	struct hd_py_layout layout;
	for (unsigned minor = 8; minor <= 15; minor++)
		cr_expect_eq(hd_py_layout_get(minor, false, &layout), 0);
	for (unsigned minor = 13; minor <= 15; minor++)
		cr_expect_eq(hd_py_layout_get(minor, true, &layout), 0);
	cr_expect_eq(hd_py_layout_get(7, false, &layout), -ENOENT);
	cr_expect_eq(hd_py_layout_get(16, false, &layout), -ENOENT);
	cr_expect_eq(hd_py_layout_get(12, true, &layout), -ENOENT);
}

Test(py_layout, each_column_belongs_to_its_version, .timeout = 10)
{
	struct hd_py_layout layout;
	cr_assert_eq(hd_py_layout_get(8, false, &layout), 0);
	cr_expect_eq(layout.rt_gil, 1152);
	cr_expect_eq(layout.fr_lasti, 104);
	cr_expect_eq(layout.fr_instr, HD_PY_NONE);
	cr_assert_eq(hd_py_layout_get(11, false, &layout), 0);
	cr_expect_eq(layout.fr_is_entry, 68);
	cr_expect_eq(layout.cframe_current, 8);
	cr_assert_eq(hd_py_layout_get(14, true, &layout), 0);
	cr_expect_eq(layout.co_tlbc, 224);
	cr_expect_eq(layout.object, 32);
	cr_assert_eq(hd_py_layout_get(15, false, &layout), 0);
	cr_expect_eq(layout.rt_interpreters, 936);
}

/* _Py_DebugOffsets of 3.13: every value 8 (plausible), those of the test set. */
static void debug_fill(uint8_t *bytes)
{
	for (size_t at = 24; at < HD_PY_DEBUG_BYTES; at += 8)
		put(bytes, at, 8);
	memcpy(bytes, "xdebugpy", 8);
	put(bytes, 8, 0x030d05f0);
	put(bytes, 16, 0);
	put(bytes, 120, 7000); /* the interpreter's own GIL */
	put(bytes, 136, 7016); /* its locked word */
	put(bytes, 144, 7008); /* its holder */
	put(bytes, 192, 152);  /* thread_id */
	put(bytes, 560, 40);   /* ascii str */
}

Test(py_layout, the_target_s_own_offsets_win, .timeout = 10)
{
	struct hd_py_layout layout;
	uint8_t bytes[HD_PY_DEBUG_BYTES];
	uint64_t hex;
	bool is_free_threaded;
	debug_fill(bytes);
	cr_assert(hd_py_layout_debug_version(bytes, sizeof(bytes), &hex, &is_free_threaded));
	cr_expect_eq(hex, 0x030d05f0);
	cr_expect_not(is_free_threaded);
	cr_assert_eq(hd_py_layout_get(13, false, &layout), 0);
	cr_assert_eq(hd_py_layout_overlay(&layout, bytes, sizeof(bytes)), 0);
	cr_expect_eq(layout.ts_thread_id, 152);
	cr_expect_eq(layout.interp_next, 8);
	cr_expect_eq(layout.gil_locked, 16, "told relative to the interpreter, kept relative to the GIL");
	cr_expect_eq(layout.gil_holder, 8);
	cr_expect_eq(layout.str_compact, 56);
	cr_expect_eq(layout.co_stacksize, 64, "not told there: from the table");
}

Test(py_layout, offsets_that_cannot_be_change_nothing, .timeout = 10)
{
	struct hd_py_layout layout, before;
	uint8_t bytes[HD_PY_DEBUG_BYTES];
	uint64_t hex;
	bool is_free_threaded;
	cr_assert_eq(hd_py_layout_get(13, false, &layout), 0);
	before = layout;
	debug_fill(bytes);
	put(bytes, 240, UINT64_C(1) << 40);
	cr_expect_eq(hd_py_layout_overlay(&layout, bytes, sizeof(bytes)), -EINVAL);
	debug_fill(bytes);
	put(bytes, 144, 10); /* the holder before the GIL that it is in */
	cr_expect_eq(hd_py_layout_overlay(&layout, bytes, sizeof(bytes)), -EINVAL);
	debug_fill(bytes);
	cr_expect_eq(hd_py_layout_overlay(&layout, bytes, 300), -EINVAL, "cut");
	bytes[0] = 'y';
	cr_expect_eq(hd_py_layout_overlay(&layout, bytes, sizeof(bytes)), -EINVAL);
	cr_expect_not(hd_py_layout_debug_version(bytes, sizeof(bytes), &hex, &is_free_threaded));
	cr_expect_eq(memcmp(&layout, &before, sizeof(layout)), 0);
}
