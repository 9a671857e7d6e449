#include <criterion/criterion.h>
#include <string.h>

#include "parse/py_text.h"

static void decode_check(const void *chars, size_t n, uint8_t kind, const char *want)
{
	char got[256];
	size_t len = hd_py_text_decode(chars, n, kind, got);
	cr_expect_str_eq(got, want);
	cr_expect_eq(len, strlen(want));
}

Test(py_text, one_byte_characters_are_latin_1, .timeout = 10)
{
	decode_check("plain", 5, 1, "plain");
	decode_check("d\xe9j\xe0", 4, 1, "d\xc3\xa9j\xc3\xa0");
	decode_check("", 0, 1, "");
}

Test(py_text, two_and_four_byte_characters, .timeout = 10)
{
	decode_check((const uint16_t[]){0x444, 0x430, 0x20ac}, 3, 2, "\xd1\x84\xd0\xb0\xe2\x82\xac");
	decode_check((const uint32_t[]){'a', 0x1f40d, 0x10ffff}, 3, 4, "a\xf0\x9f\x90\x8d\xf4\x8f\xbf\xbf");
}

Test(py_text, what_is_no_character_is_replaced, .timeout = 10)
{
	decode_check((const uint16_t[]){0xd800, 'x', 0xdfff}, 3, 2, "\xef\xbf\xbdx\xef\xbf\xbd");
	decode_check((const uint32_t[]){0x110000, 0xffffffff}, 2, 4, "\xef\xbf\xbd\xef\xbf\xbd");
	decode_check("a\0b", 3, 1, "a?b");
}

Test(py_text, state_bits_lie_higher_in_free_threaded_3_14, .timeout = 10)
{
	/* interned 1, kind 2, compact, not ascii */
	struct hd_py_str_state state = hd_py_str_state_parse(1 | 2 << 2 | 1 << 5, false);
	cr_expect_eq(state.kind, 2);
	cr_expect(state.is_compact);
	cr_expect_not(state.is_ascii);
	/* interned 3 (a whole byte), kind 1, compact, ascii */
	state = hd_py_str_state_parse(3 | 1 << 8 | 1 << 11 | 1 << 12, true);
	cr_expect_eq(state.kind, 1);
	cr_expect(state.is_compact);
	cr_expect(state.is_ascii);
}
