#include "parse/py_text.h"

#include <string.h>

struct hd_py_str_state hd_py_str_state_parse(uint32_t state, bool has_wide_interned)
{
	unsigned at = has_wide_interned ? 8 : 2;
	return (struct hd_py_str_state){
		.kind = (uint8_t)(state >> at & 7),
		.is_compact = (state >> (at + 3) & 1) != 0,
		.is_ascii = (state >> (at + 4) & 1) != 0,
	};
}

static size_t utf8_put(uint32_t c, char *ret)
{
	if (c == 0)
		c = '?';
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (c < 0x80) {
		ret[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		ret[i] = (char)(0x80 | (c & 0x3f));
	ret[0] = (char)(lead[n] | c);
	return n;
}

size_t hd_py_text_decode(const uint8_t *chars, size_t n, uint8_t kind, char *ret)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t c = 0; /* little-endian, as x86-64 and aarch64 are */
		memcpy(&c, chars + i * kind, kind);
		len += utf8_put(c, ret + len);
	}
	ret[len] = '\0';
	return len;
}
