#include "hangdog/utf8.h"

static bool is_shown(uint32_t ch)
{
	bool is_surrogate = ch >= 0xd800 && ch < 0xe000;
	bool is_control = ch < 0x20 || (ch >= 0x7f && ch < 0xa0) || ch == 0x2028 || ch == 0x2029;
	bool turns = (ch >= 0x202a && ch <= 0x202e) || (ch >= 0x2066 && ch <= 0x2069);
	return ch <= 0x10ffff && !is_surrogate && !is_control && !turns;
}

uint32_t hd_utf8_next(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	uint32_t ch = n > 1 ? p[0] & (0xffu >> (n + 1)) : p[0];
	if (p[0] == 0)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*text += i;
			return '?';
		}
		ch = ch << 6 | (p[i] & 0x3f);
	}
	*text += n > 0 ? n : 1;
	return n == 0 || ch < least[n] || !is_shown(ch) ? '?' : ch;
}

size_t hd_utf8_put(uint32_t ch, char ret[4])
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, ch >>= 6)
		ret[i] = (char)(0x80 | (ch & 0x3f));
	ret[0] = (char)(lead[n] | ch);
	return n;
}
