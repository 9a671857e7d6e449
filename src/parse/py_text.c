#include "parse/py_text.h"

#include <string.h>

#include "hangdog/utf8.h"

struct hd_py_str_state hd_py_str_state_parse(uint32_t state, bool has_wide_interned)
{
	unsigned at = has_wide_interned ? 8 : 2;
	return (struct hd_py_str_state){
		.kind = (uint8_t)(state >> at & 7),
		.is_compact = (state >> (at + 3) & 1) != 0,
		.is_ascii = (state >> (at + 4) & 1) != 0,
	};
}

/* What a C string or UTF-8 cannot hold. */
static uint32_t replaced(uint32_t c)
{
	return c == 0 ? '?' : c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c;
}

size_t hd_py_text_decode(const uint8_t *chars, size_t n, uint8_t kind, char *ret)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t c = 0; /* little-endian, as x86-64 and aarch64 are */
		memcpy(&c, chars + i * kind, kind);
		len += hd_utf8_put(replaced(c), ret + len);
	}
	ret[len] = '\0';
	return len;
}
