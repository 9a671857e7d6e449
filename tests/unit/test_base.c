/* covers: arena.c buf.c err.c utf8.c vec.c */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "hangdog/arena.h"
#include "hangdog/buf.h"
#include "hangdog/err.h"
#include "hangdog/vec.h"

Test(arena, memory_is_zeroed_aligned_and_stays, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	char *first = hd_arena_str(arena, "first");
	for (size_t n = 1; n < 300; n++) {
		unsigned char *p = hd_arena_alloc(arena, n, 17);
		cr_assert_eq((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n * 17; i++)
			cr_assert_eq(p[i], 0);
		memset(p, 0xff, n * 17);
	}
	cr_assert_str_eq(first, "first", "later allocations must not touch earlier ones");
	cr_assert_geq(hd_arena_bytes(arena), (size_t)299 * 300 / 2 * 17);
	hd_arena_free(arena);
}

Test(arena, texts_are_copied_and_cut, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	char text[] = "abcdef";
	char *whole = hd_arena_str(arena, text), *part = hd_arena_strn(arena, text, 3);
	memset(text, 'x', sizeof(text) - 1);
	cr_assert_str_eq(whole, "abcdef");
	cr_assert_str_eq(part, "abc");
	cr_assert_null(hd_arena_str(arena, NULL));
	cr_assert_str_eq(hd_arena_printf(arena, "%d-%s", 7, "x"), "7-x");
	hd_arena_free(arena);
	hd_arena_free(NULL);
}

Test(buf, grows_and_stays_terminated, .timeout = 10)
{
	HD_CLEAN_BUF struct hd_buf buf = {0};
	cr_assert_str_eq(hd_buf_text(&buf), "");
	for (int i = 0; i < 5000; i++)
		hd_buf_printf(&buf, "%d,", i % 10);
	cr_assert_eq(buf.len, 10000);
	cr_assert_eq(strlen(hd_buf_text(&buf)), 10000);
	hd_buf_clear(&buf);
	cr_assert_str_eq(hd_buf_text(&buf), "");
	hd_buf_char(&buf, 'z');
	hd_buf_add(&buf, "abc", 2);
	cr_assert_str_eq(hd_buf_text(&buf), "zab");
}

Test(buf, hostile_names_lose_control_characters_and_broken_utf8, .timeout = 10)
{
	static const char *const cases[][2] = {
		{"plain", "plain"},
		{"\033[31mred", "?[31mred"},
		{"a\nb\rc\x7f", "a?b?c?"},
		{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb6", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb6"},
		{"\xc3", "?"},
		{"\xe2\x82", "?"},
		{"\xc0\xaf", "??"},             /* overlong */
		{"\xed\xa0\x80", "?"},        /* surrogate */
		{"\xf4\x90\x80\x80", "?"},   /* beyond U+10FFFF */
		{"\xc2\x9b" "31m", "?" "31m"}, /* C1: another way to write ESC [ */
		{"a\xe2\x80\xae" "b", "a?b"},      /* turns what follows from right to left */
		{"\xff\xe2\x82\xac", "?\xe2\x82\xac"}
	};
	for (size_t i = 0; i < HD_COUNTOF(cases); i++) {
		HD_CLEAN_BUF struct hd_buf buf = {0};
		hd_buf_safe(&buf, cases[i][0]);
		cr_expect_str_eq(hd_buf_text(&buf), cases[i][1], "case %zu", i);
	}
}

Test(err, gives_the_code_back_negative_and_keeps_the_sentence, .timeout = 10)
{
	struct hd_err err = {0};
	cr_assert_eq(hd_err_set(&err, ENOENT, "%s is not there", "it"), -ENOENT);
	cr_assert_eq(err.code, ENOENT);
	cr_assert_str_eq(err.text, "it is not there");
	cr_assert_eq(hd_err_set(NULL, EPERM, "nobody reads this"), -EPERM);
}

Test(err, is_one_line_that_does_nothing_to_a_terminal, .timeout = 10)
{
	struct hd_err err = {0};
	(void)hd_err_set(&err, EPERM, "%s is traced by '%s'", "\xc3\xa9\n", "\033[2J\xe2\x82");
	cr_assert_str_eq(err.text, "\xc3\xa9? is traced by '?[2J?'");
	char many[2 * sizeof(err.text)];
	memset(many, 0xe9, sizeof(many));
	many[sizeof(many) - 1] = '\0';
	(void)hd_err_set(&err, EPERM, "%s", many);
	cr_assert_eq(strspn(err.text, "?"), strlen(err.text));
}

Test(vec, keeps_what_was_pushed, .timeout = 10)
{
	HD_VEC(int) v = {0};
	for (int i = 0; i < 1000; i++)
		HD_VEC_PUSH(&v, i);
	cr_assert_eq(v.n, 1000);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(v.at[i], i);
	HD_VEC_CLEAR(&v);
	cr_assert_eq(v.n, 0);
	HD_VEC_RELEASE(&v);
	cr_assert_null(v.at);
}
