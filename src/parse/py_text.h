/* CPython's str to UTF-8 (reference: cpython.md section 4; Include/cpython/unicodeobject.h).  Pure. */
#ifndef HANGDOG_PARSE_PY_TEXT_H
#define HANGDOG_PARSE_PY_TEXT_H

#include "hangdog/base.h"

/* The state word of a str. */
struct hd_py_str_state {
	uint8_t kind; /* bytes per character: 1, 2, 4; anything else is no str */
	bool is_compact, is_ascii;
};
/* Free-threaded 3.14+ has a whole byte for `interned` before the other bits. */
struct hd_py_str_state hd_py_str_state_parse(uint32_t state, bool has_wide_interned);

/* n characters of `kind` bytes each, at `chars`; text ends with NUL; room for 4*n + 1 bytes at ret.  Lone surrogates
 * and what is beyond Unicode become U+FFFD, NUL becomes '?'.  Returns the length in bytes. */
size_t hd_py_text_decode(const uint8_t *chars, size_t n, uint8_t kind, char *ret);

#endif
