#include "cells.h"

#include <string.h>

/* Unicode 15 East Asian Width W and F, in ranges as terminals treat them. */
static const struct {
	uint32_t first, last;
} wide[] = {
	{0x1100, 0x115f},   {0x2e80, 0x303e},	{0x3041, 0xa4cf},   {0xa960, 0xa97c},	{0xac00, 0xd7a3},   {0xf900, 0xfaff},
	{0xfe30, 0xfe6f},   {0xff00, 0xff60},	{0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

/* Combining marks, joiners and directions: they would move what stands behind them. */
static const struct {
	uint32_t first, last;
} empty[] = {
	{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x610, 0x61a}, {0x64b, 0x65f}, {0x200b, 0x200f}, {0x202a, 0x202e},
	{0x2060, 0x206f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xe0000, 0xe0fff},
};

unsigned hd_char_width(uint32_t ch)
{
	if (ch < 0x300)
		return 1;
	for (size_t i = 0; i < HD_COUNTOF(empty); i++) {
		if (ch >= empty[i].first && ch <= empty[i].last)
			return 0;
	}
	for (size_t i = 0; i < HD_COUNTOF(wide); i++) {
		if (ch >= wide[i].first && ch <= wide[i].last)
			return 2;
	}
	return 1;
}

unsigned hd_utf8_width(const char *text)
{
	unsigned n = 0;
	for (uint32_t ch; (ch = hd_utf8_next(&text)) != 0;)
		n += hd_char_width(ch);
	return n;
}

void hd_screen_resize(struct hd_screen *screen, unsigned width, unsigned height)
{
	free(screen->at);
	*screen = (struct hd_screen){.width = width, .height = height, .cursor_x = -1, .cursor_y = -1};
	screen->at = calloc((size_t)width * height + 1, sizeof(*screen->at));
	if (screen->at == NULL)
		abort();
}

void hd_screen_release(struct hd_screen *screen)
{
	free(screen->at);
	*screen = (struct hd_screen){0};
}

static void set(struct hd_screen *screen, unsigned x, unsigned y, uint32_t ch, struct hd_pen pen)
{
	if (x < screen->width && y < screen->height)
		screen->at[(size_t)y * screen->width + x] = (struct hd_cell){ch, pen.fg, pen.bg, pen.attr};
}

void hd_screen_fill(struct hd_screen *screen, unsigned x, unsigned y, unsigned columns, struct hd_pen pen)
{
	for (unsigned i = 0; i < columns && x + i < screen->width; i++)
		set(screen, x + i, y, ' ', pen);
}

/* What ASCII terminals get instead. */
static const struct {
	uint32_t ch;
	const char *text;
} ascii[] = {
	{0x2190, "<-"}, {0x2192, "->"}, {0x2026, "..."}, {0x2502, "|"}, {0x251c, "|"}, {0x2514, "`"},	{0x2500, "-"},
	{0x25cf, "*"},	{0x25b8, "+"},	{0x25be, "-"},	 {0x2191, "^"}, {0x2193, "v"}, {0x201c, "\""}, {0x201d, "\""},
	{0x2019, "'"},	{0x2264, "<="},
};

static const char *ascii_of(uint32_t ch)
{
	for (size_t i = 0; i < HD_COUNTOF(ascii); i++) {
		if (ascii[i].ch == ch)
			return ascii[i].text;
	}
	return "?";
}

/* One character as this terminal shows it, as text; its width. */
static unsigned shown(uint32_t ch, bool utf8, char ret[8])
{
	if (utf8 || ch < 0x80) {
		ret[hd_utf8_put(ch, ret)] = '\0';
		return hd_char_width(ch);
	}
	const char *text = hd_char_width(ch) != 0 ? ascii_of(ch) : "";
	memcpy(ret, text, strlen(text) + 1);
	return (unsigned)strlen(text);
}

static unsigned shown_width(const char *text, bool utf8)
{
	char one[8];
	unsigned n = 0;
	for (uint32_t ch; (ch = hd_utf8_next(&text)) != 0;)
		n += ch < 0x80 ? 1 : shown(ch, utf8, one);
	return n;
}

static unsigned put_char(struct hd_screen *screen, unsigned x, unsigned y, struct hd_pen pen, uint32_t ch, bool utf8)
{
	char one[8];
	unsigned used = 0;
	if (ch < 0x80) {
		set(screen, x, y, ch, pen);
		return 1;
	}
	if (shown(ch, utf8, one) == 0)
		return 0;
	const char *p = one;
	for (uint32_t c; (c = hd_utf8_next(&p)) != 0;) {
		set(screen, x + used, y, c, pen);
		if (hd_char_width(c) == 2)
			set(screen, x + used + 1, y, 0, pen);
		used += hd_char_width(c);
	}
	return used;
}

unsigned hd_screen_put(struct hd_screen *screen, unsigned x, unsigned y, unsigned columns, struct hd_pen pen, const char *text, bool utf8)
{
	unsigned used = 0;
	if (x >= screen->width || y >= screen->height)
		return 0;
	if (columns > screen->width - x)
		columns = screen->width - x;
	bool fits = shown_width(text, utf8) <= columns;
	unsigned room = fits ? columns : columns > 0 ? columns - 1 : 0;
	for (const char *p = text;;) {
		char one[8];
		const char *next = p;
		uint32_t ch = hd_utf8_next(&next);
		if (ch == 0 || used + (ch < 0x80 ? 1 : shown(ch, utf8, one)) > room)
			break;
		used += put_char(screen, x + used, y, pen, ch, utf8);
		p = next;
	}
	/* One column is all the room there is for the mark. */
	if (!fits && columns > 0)
		set(screen, x + used++, y, utf8 ? 0x2026 : '~', pen);
	return used;
}

void hd_screen_put_right(struct hd_screen *screen, unsigned x, unsigned y, unsigned columns, struct hd_pen pen, const char *text, bool utf8)
{
	unsigned width = shown_width(text, utf8);
	unsigned pad = width < columns ? columns - width : 0;
	hd_screen_put(screen, x + pad, y, columns - pad, pen, text, utf8);
}
