/* What a terminal may be given: well-formed UTF-8 without control characters, line breaks and our own colours excepted. */
#ifndef HD_FUZZ_PRINTABLE_H
#define HD_FUZZ_PRINTABLE_H

#include <string.h>

#include "hangdog/base.h"

static inline bool is_plain(uint32_t ch)
{
	bool is_control = ch < 0x20 || (ch >= 0x7f && ch < 0xa0);
	bool turns_text = (ch >= 0x202a && ch <= 0x202e) || (ch >= 0x2066 && ch <= 0x2069);
	return !is_control && !turns_text && !(ch >= 0xd800 && ch < 0xe000) && ch <= 0x10ffff;
}

/* Length of "\x1b[" digits and semicolons "m" at p, 0 if it is something else. */
static inline size_t ink_len(const unsigned char *p)
{
	size_t n = p[0] == 0x1b && p[1] == '[' ? 2 + strspn((const char *)p + 2, "0123456789;") : 0;
	return n != 0 && p[n] == 'm' ? n + 1 : 0;
}

/* One code point, decoded in the plainest way; *ret_len 0 = malformed. */
static inline uint32_t code_point(const unsigned char *p, size_t *ret_len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
	uint32_t ch = n == 1 ? p[0] : n == 0 ? 0 : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*ret_len = 0;
			return 0;
		}
		ch = ch << 6 | (p[i] & 0x3fu);
	}
	*ret_len = n != 0 && ch >= least[n] ? n : 0;
	return ch;
}

static inline void assert_printable(const char *text, size_t len, bool may_color)
{
	HD_ASSERT(strlen(text) == len);
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
		size_t n = may_color ? ink_len(p) : 0;
		if (n == 0 && *p == '\n')
			n = 1;
		if (n == 0) {
			uint32_t ch = code_point(p, &n);
			HD_ASSERT(n != 0 && is_plain(ch));
		}
		p += n;
	}
}

#endif
