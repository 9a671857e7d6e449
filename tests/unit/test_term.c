#include <criterion/criterion.h>
#include <string.h>

#include "hangdog/term.h"

/* All lines as text, '|' behind each. */
static const char *shown(const struct hd_term *term)
{
	static char text[4096];
	size_t n = 0;
	for (size_t i = 0; i < hd_term_lines(term); i++) {
		unsigned width, end = 0;
		const struct hd_cell *line = hd_term_line(term, i, &width);
		for (unsigned x = 0; x < width; x++)
			end = line[x].ch != ' ' ? x + 1 : end;
		for (unsigned x = 0; x < end && n < sizeof(text) - 2; x++)
			text[n++] = line[x].ch == 0 ? '_' : line[x].ch < 0x80 ? (char)line[x].ch : '$';
		text[n++] = '|';
	}
	text[n] = '\0';
	return text;
}

static struct hd_term *fed(const char *text)
{
	struct hd_term *term = hd_term_new(10, 3);
	hd_term_feed(term, text, strlen(text));
	return term;
}

#define SHOWS(text, want)                                    \
	do {                                                 \
		struct hd_term *term_ = fed(text);           \
		cr_expect_str_eq(shown(term_), want);        \
		hd_term_free(term_);                         \
	} while (0)

Test(term, lines_wrap_and_scroll_into_the_past, .timeout = 10)
{
	SHOWS("one\r\ntwo\r\nthree\r\nfour", "one|two|three|four|");
	SHOWS("0123456789ab", "0123456789|ab|");
	SHOWS("0123456789\r\nab", "0123456789|ab|");
}

Test(term, progress_bars_are_written_over, .timeout = 10)
{
	SHOWS("10%\r20%\r100%", "100%|");
	SHOWS("long text\rab\x1b[K", "ab|");
	SHOWS("a\r\nb\x1b[A\rX\x1b[B\rY", "X|Y|");
	SHOWS("ab\b\bc", "cb|");
}

Test(term, the_cursor_goes_where_it_is_sent_within_the_screen, .timeout = 10)
{
	SHOWS("1\r\n2\r\n3\r\n4\x1b[1;3Hx", "1|2 x|3|4|");
	SHOWS("a\x1b[99;99Hz", "a||         z|");
	SHOWS("abc\x1b[2Jd", "   d|");
	SHOWS("abcd\x1b[2D\x1b[Px", "abx|");
}

Test(term, colours_and_attributes_are_kept, .timeout = 10)
{
	unsigned width;
	struct hd_term *term = fed("\x1b[1;31mA\x1b[0mB\x1b[38;5;208mC\x1b[48;2;255;0;0mD\x1b[39;49mE\x1b[97mF");
	const struct hd_cell *line = hd_term_line(term, 0, &width);
	cr_expect(line[0].fg == 1 && line[0].attr == HD_ATTR_BOLD);
	cr_expect(line[1].fg == -1 && line[1].attr == 0);
	cr_expect_eq(line[2].fg, 208);
	cr_expect(line[3].fg == 208 && line[3].bg == 16 + 36 * 5);
	cr_expect(line[4].fg == -1 && line[4].bg == -1);
	cr_expect_eq(line[5].fg, 15);
	hd_term_free(term);
}

Test(term, titles_and_modes_are_swallowed, .timeout = 10)
{
	SHOWS("\x1b]0;title\aa\x1b[?25lb\x1b(Bc\x1b]8;;x\x1b\\d", "abcd|");
}

Test(term, broken_text_is_shown_as_question_marks, .timeout = 10)
{
	SHOWS("a\xe6\xbc\xa2z", "a$_z|");
	SHOWS("a\xe6z\x80", "a?z?|");
}

Test(term, whatever_comes_stays_bounded, .timeout = 30)
{
	struct hd_term *term = hd_term_new(7, 4);
	uint32_t seed = 1;
	for (unsigned i = 0; i < 400000; i++) {
		static const char likely[] = "\x1b[;0123456789ABCDEFGHJKLMPX@mdsu\n\r\b\t\x1b]";
		seed = seed * 1103515245 + 12345;
		char c = (seed >> 16) % 3 != 0 ? likely[(seed >> 18) % (sizeof(likely) - 1)] : (char)(seed >> 20);
		hd_term_feed(term, &c, 1);
		if (i % 997 == 0)
			hd_term_resize(term, 1 + (seed >> 16) % 40, 1 + (seed >> 20) % 12);
	}
	cr_expect_leq(hd_term_lines(term), HD_TERM_LINES_MAX + 2000);
	hd_term_free(term);
}
