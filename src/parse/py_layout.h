/* Where CPython keeps its fields, per version (reference: cpython.md section 2; rows and sources in py_layout.def).
 * Pure tables: nothing here reads memory. */
#ifndef HANGDOG_PARSE_PY_LAYOUT_H
#define HANGDOG_PARSE_PY_LAYOUT_H

#include "hangdog/base.h"

#define HD_PY_NONE INT32_MIN /* this version has no such field */
#define HD_PY_DEBUG_BYTES 888 /* the largest _Py_DebugOffsets known (3.15) */

struct hd_py_layout {
	uint8_t minor; /* 3.minor */
	bool is_free_threaded;
#define FIELD(name, ...) int32_t name;
#include "parse/py_layout.def"
#undef FIELD
};

/* 0, or -ENOENT: no table for this version (before 3.8, after 3.15, free-threaded before 3.13). */
HD_MUST_CHECK int hd_py_layout_get(unsigned minor, bool is_free_threaded, struct hd_py_layout *ret);
/* Takes the offsets that the target tells about itself (3.13+): `bytes` begins at _PyRuntime.  -EINVAL when the cookie
 * is missing or a value cannot be an offset; layout is untouched then. */
HD_MUST_CHECK int hd_py_layout_overlay(struct hd_py_layout *layout, const uint8_t *bytes, size_t len);
/* The PY_VERSION_HEX and free-threaded flag in there: false when this is no _Py_DebugOffsets. */
bool hd_py_layout_debug_version(const uint8_t *bytes, size_t len, uint64_t *ret_hex, bool *ret_free_threaded);

#endif
