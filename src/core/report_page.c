#include "report_page.h"

#include <string.h>

static const char *const inks[] = {
	[HD_INK_PLAIN] = "",	  [HD_INK_BOLD] = "\x1b[1m",	  [HD_INK_DIM] = "\x1b[2m",
	[HD_INK_RED] = "\x1b[1;31m", [HD_INK_YELLOW] = "\x1b[1;33m", [HD_INK_GREEN] = "\x1b[1;32m",
};

void hd_page_init(struct hd_page *page, const struct hd_text_style *style, struct hd_buf *out)
{
	unsigned width = style->width < 20 ? 20 : style->width > 200 ? 200 : style->width;
	*page = (struct hd_page){.out = out, .style = style, .width = width};
}

void hd_page_gap(struct hd_page *page)
{
	hd_buf_char(page->out, '\n');
}

static void ink_begin(struct hd_page *page, enum hd_ink ink)
{
	if (page->style->color && ink != HD_INK_PLAIN)
		hd_buf_str(page->out, inks[ink]);
}

static void ink_end(struct hd_page *page, enum hd_ink ink)
{
	if (page->style->color && ink != HD_INK_PLAIN)
		hd_buf_str(page->out, "\x1b[0m");
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

unsigned hd_text_columns(const char *text)
{
	unsigned n = 0;
	for (; *text != '\0'; text++)
		n += !is_continuation(*text);
	return n;
}

static void put_blanks(struct hd_buf *out, unsigned n)
{
	for (; n > 0; n--)
		hd_buf_char(out, ' ');
}

/* Bytes of at most `columns` code points. */
static size_t bytes_of_columns(const char *text, size_t len, unsigned columns)
{
	size_t i = 0;
	while (i < len && (is_continuation(text[i]) || columns > 0)) {
		columns -= !is_continuation(text[i]);
		i++;
	}
	return i;
}

struct line {
	struct hd_page *page;
	enum hd_ink ink;
	unsigned rest, column;
	bool is_empty; /* nothing but the indent so far */
};

static void line_break(struct line *l)
{
	ink_end(l->page, l->ink);
	hd_buf_char(l->page->out, '\n');
	put_blanks(l->page->out, l->rest);
	ink_begin(l->page, l->ink);
	l->column = l->rest;
	l->is_empty = true;
}

static void line_word(struct line *l, const char *word, size_t len, unsigned blanks)
{
	unsigned columns = 0;
	for (size_t i = 0; i < len; i++)
		columns += !is_continuation(word[i]);
	if (!l->is_empty && l->column + blanks + columns > l->page->width)
		line_break(l);
	if (!l->is_empty) {
		put_blanks(l->page->out, blanks);
		l->column += blanks;
	}
	while (l->column + columns > l->page->width) {
		unsigned room = l->page->width - l->column;
		size_t part = bytes_of_columns(word, len, room);
		hd_buf_add(l->page->out, word, part);
		word += part;
		len -= part;
		columns -= room;
		line_break(l);
	}
	hd_buf_add(l->page->out, word, len);
	l->column += columns;
	l->is_empty = false;
}

static void put_wrapped(struct hd_page *page, unsigned first, unsigned rest, enum hd_ink ink, const char *text)
{
	struct line l = {.page = page, .ink = ink, .rest = rest, .column = first, .is_empty = true};
	put_blanks(page->out, first);
	ink_begin(page, ink);
	for (const char *p = text; *p != '\0';) {
		size_t blanks = strspn(p, " ");
		size_t len = strcspn(p + blanks, " ");
		if (len != 0)
			line_word(&l, p + blanks, len, (unsigned)blanks);
		p += blanks + len;
	}
	ink_end(page, ink);
	hd_buf_char(page->out, '\n');
}

static void put_formatted(struct hd_page *page, unsigned first, unsigned rest, enum hd_ink ink, const char *fmt, va_list ap)
{
	struct hd_buf raw HD_CLEAN_BUF = {0}, safe HD_CLEAN_BUF = {0};
	hd_buf_vprintf(&raw, fmt, ap);
	hd_buf_safe(&safe, hd_buf_text(&raw));
	put_wrapped(page, first, rest, ink, hd_buf_text(&safe));
}

void hd_page_para(struct hd_page *page, unsigned first, unsigned rest, enum hd_ink ink, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	put_formatted(page, first, rest, ink, fmt, ap);
	va_end(ap);
}

void hd_page_heading(struct hd_page *page, const char *fmt, ...)
{
	va_list ap;
	hd_page_gap(page);
	va_start(ap, fmt);
	put_formatted(page, 0, 0, HD_INK_BOLD, fmt, ap);
	va_end(ap);
}

void hd_page_rule(struct hd_page *page, const char *title)
{
	hd_page_gap(page);
	ink_begin(page, HD_INK_DIM);
	unsigned used = hd_text_columns(title) + 4;
	hd_buf_printf(page->out, "-- %s ", title);
	for (; used < page->width; used++)
		hd_buf_char(page->out, '-');
	ink_end(page, HD_INK_DIM);
	hd_buf_char(page->out, '\n');
}
