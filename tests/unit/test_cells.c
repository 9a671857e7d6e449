#include <criterion/criterion.h>
#include <string.h>

#include "core/cells.h"

static const struct hd_pen pen = {-1, -1, 0};

static void row(const struct hd_screen *screen, char *ret)
{
	for (unsigned x = 0; x < screen->width; x++)
		ret[x] = screen->at[x].ch == 0 ? '_' : screen->at[x].ch < 0x80 ? (char)screen->at[x].ch : '$';
	ret[screen->width] = '\0';
}

static void painted(const char *text, unsigned columns, bool utf8, char *ret)
{
	struct hd_screen screen = {0};
	hd_screen_resize(&screen, 12, 1);
	hd_screen_fill(&screen, 0, 0, 12, pen);
	hd_screen_put(&screen, 0, 0, columns, pen, text, utf8);
	row(&screen, ret);
	hd_screen_release(&screen);
}

Test(cells, what_does_not_fit_ends_with_a_mark, .timeout = 10)
{
	char got[16];
	painted("abcdef", 6, true, got);
	cr_expect_str_eq(got, "abcdef      ");
	painted("abcdefg", 6, true, got);
	cr_expect_str_eq(got, "abcde$      ");
	painted("abcdefg", 6, false, got);
	cr_expect_str_eq(got, "abcde~      ");
}

Test(cells, wide_characters_take_two_cells_and_are_never_halved, .timeout = 10)
{
	char got[16];
	painted("a\xe6\xbc\xa2z", 4, true, got);
	cr_expect_str_eq(got, "a$_z        ");
	painted("a\xe6\xbc\xa2\xe6\xbc\xa2z", 4, true, got);
	cr_expect_str_eq(got, "a$_$        ");
	painted("\xe6\xbc\xa2\xe6\xbc\xa2z", 4, true, got);
	cr_expect_str_eq(got, "$_$         ", "no room for the second and the mark");
}

Test(cells, arrows_and_lines_have_ascii_forms, .timeout = 10)
{
	char got[16];
	painted("a ← b", 12, false, got);
	cr_expect_str_eq(got, "a <- b      ");
}

Test(cells, broken_text_and_control_characters_become_question_marks, .timeout = 10)
{
	char got[16];
	painted("a\xff\x1b\xe6z\x80", 12, true, got);
	cr_expect_str_eq(got, "a???z?      ");
	painted("e\xcc\x81z", 12, true, got);
	cr_expect_str_eq(got, "ez          ", "marks that join the letter before take no cell");
}
