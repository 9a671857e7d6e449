#include "hangdog/term.h"

#include <string.h>

#include "cells.h"
#include "hangdog/vec.h"

#define PARAMS_MAX 16u
#define DROP_LINES 500u /* at once, so that scrolling does not move the whole list for each line */

struct line {
	struct hd_cell *at;
	unsigned n;
};

enum state { GROUND = 0, ESCAPE, CHARSET, CSI, STRING, STRING_ESCAPE };

struct hd_term {
	unsigned width, height;
	HD_VEC(struct line) lines; /* the last `height` from `top` are the screen; at least one */
	size_t top, row;           /* first line of the screen, line of the cursor */
	unsigned column;
	bool wraps;                /* the last column was written: the next character begins a line */
	struct hd_pen pen;
	size_t saved_row;          /* relative to top */
	unsigned saved_column;
	enum state state;
	unsigned params[PARAMS_MAX], n_params;
	bool is_private;
	char part[5]; /* of a UTF-8 character */
	unsigned n_part, need;
};

static const struct hd_pen plain = {-1, -1, 0};

static void add_line(struct hd_term *term)
{
	HD_VEC_PUSH(&term->lines, (struct line){NULL, 0});
}

struct hd_term *hd_term_new(unsigned width, unsigned height)
{
	struct hd_term *term = calloc(1, sizeof(*term));
	if (term == NULL)
		abort();
	term->pen = plain;
	add_line(term);
	hd_term_resize(term, width, height);
	return term;
}

void hd_term_free(struct hd_term *term)
{
	if (term == NULL)
		return;
	for (size_t i = 0; i < term->lines.n; i++)
		free(term->lines.at[i].at);
	HD_VEC_RELEASE(&term->lines);
	free(term);
}

void hd_term_resize(struct hd_term *term, unsigned width, unsigned height)
{
	term->width = width < 1 ? 1 : width > 1000 ? 1000 : width;
	term->height = height < 1 ? 1 : height > 1000 ? 1000 : height;
	if (term->row >= term->top + term->height)
		term->top = term->row - term->height + 1;
	size_t most = term->lines.n > term->height ? term->lines.n - term->height : 0;
	if (term->top > most)
		term->top = most;
	if (term->column >= term->width)
		term->column = term->width - 1;
	term->wraps = false;
}

size_t hd_term_lines(const struct hd_term *term)
{
	return term->lines.n;
}

const struct hd_cell *hd_term_line(const struct hd_term *term, size_t i, unsigned *ret_width)
{
	*ret_width = term->lines.at[i].n;
	return term->lines.at[i].at;
}

void hd_term_cursor(const struct hd_term *term, size_t *ret_line, unsigned *ret_column)
{
	*ret_line = term->row;
	*ret_column = term->column;
}

/* ---- cells ---------------------------------------------------------------------------------------------------------- */

static struct hd_cell blank(const struct hd_term *term)
{
	return (struct hd_cell){' ', -1, term->pen.bg, 0};
}

/* The line of the cursor, at least so many cells long. */
static struct line *reach(struct hd_term *term, unsigned n)
{
	struct line *line = &term->lines.at[term->row];
	if (n <= line->n)
		return line;
	line->at = reallocarray(line->at, n, sizeof(*line->at));
	if (line->at == NULL)
		abort();
	for (; line->n < n; line->n++)
		line->at[line->n] = (struct hd_cell){' ', -1, -1, 0};
	return line;
}

static void clear_line(struct hd_term *term, size_t i)
{
	free(term->lines.at[i].at);
	term->lines.at[i] = (struct line){NULL, 0};
}

static void drop_old(struct hd_term *term)
{
	if (term->lines.n <= HD_TERM_LINES_MAX + DROP_LINES || term->top < DROP_LINES)
		return;
	for (size_t i = 0; i < DROP_LINES; i++)
		free(term->lines.at[i].at);
	term->lines.n -= DROP_LINES;
	memmove(term->lines.at, term->lines.at + DROP_LINES, term->lines.n * sizeof(*term->lines.at));
	term->top -= DROP_LINES;
	term->row -= DROP_LINES;
}

static void next_line(struct hd_term *term)
{
	term->wraps = false;
	term->row++;
	if (term->row == term->lines.n)
		add_line(term);
	if (term->row >= term->top + term->height)
		term->top = term->row - term->height + 1;
	drop_old(term);
}

static void go_to(struct hd_term *term, size_t row, unsigned column)
{
	term->wraps = false;
	row = row < term->height ? row : term->height - 1;
	while (term->top + row >= term->lines.n)
		add_line(term);
	term->row = term->top + row;
	term->column = column < term->width ? column : term->width - 1;
}

static void put(struct hd_term *term, uint32_t ch)
{
	unsigned width = hd_char_width(ch);
	if (width == 0 || width > term->width)
		return;
	if (term->wraps || term->column + width > term->width) {
		next_line(term);
		term->column = 0;
	}
	struct line *line = reach(term, term->column + width);
	line->at[term->column] = (struct hd_cell){ch, term->pen.fg, term->pen.bg, term->pen.attr};
	if (width == 2)
		line->at[term->column + 1] = (struct hd_cell){0, term->pen.fg, term->pen.bg, term->pen.attr};
	term->column += width;
	term->wraps = term->column >= term->width;
	if (term->wraps)
		term->column = term->width - 1;
}

/* ---- control sequences ---------------------------------------------------------------------------------------------- */

static unsigned param(const struct hd_term *term, unsigned i, unsigned otherwise)
{
	return i < term->n_params && term->params[i] != 0 ? term->params[i] : otherwise;
}

static void erase_cells(struct hd_term *term, unsigned from, unsigned to)
{
	struct line *line = reach(term, to < term->width ? to : term->width);
	for (unsigned x = from; x < to && x < line->n; x++)
		line->at[x] = blank(term);
}

static void do_erase_line(struct hd_term *term)
{
	unsigned how = param(term, 0, 0);
	term->wraps = false;
	erase_cells(term, how == 0 ? term->column : 0, how == 1 ? term->column + 1 : term->width);
}

static void do_erase_screen(struct hd_term *term)
{
	unsigned how = param(term, 0, 0);
	size_t from = how == 0 ? term->row + 1 : term->top, to = how == 1 ? term->row : term->lines.n;
	for (size_t i = from; i < to; i++)
		clear_line(term, i);
	if (how < 2)
		do_erase_line(term);
}

static void do_up(struct hd_term *term)
{
	size_t at = term->row - term->top, by = param(term, 0, 1);
	go_to(term, by < at ? at - by : 0, term->column);
}

static void do_down(struct hd_term *term)
{
	go_to(term, term->row - term->top + param(term, 0, 1), term->column);
}

static void do_right(struct hd_term *term)
{
	go_to(term, term->row - term->top, term->column + param(term, 0, 1));
}

static void do_left(struct hd_term *term)
{
	unsigned by = param(term, 0, 1);
	go_to(term, term->row - term->top, by < term->column ? term->column - by : 0);
}

static void do_next(struct hd_term *term)
{
	do_down(term);
	term->column = 0;
}

static void do_previous(struct hd_term *term)
{
	do_up(term);
	term->column = 0;
}

static void do_column(struct hd_term *term)
{
	go_to(term, term->row - term->top, param(term, 0, 1) - 1);
}

static void do_row(struct hd_term *term)
{
	go_to(term, param(term, 0, 1) - 1, term->column);
}

static void do_place(struct hd_term *term)
{
	go_to(term, param(term, 0, 1) - 1, param(term, 1, 1) - 1);
}

static void do_erase_chars(struct hd_term *term)
{
	unsigned to = term->column + param(term, 0, 1);
	erase_cells(term, term->column, to < term->width ? to : term->width);
}

static void do_delete_chars(struct hd_term *term)
{
	struct line *line = reach(term, term->width);
	unsigned by = param(term, 0, 1), room = line->n - term->column;
	by = by < room ? by : room;
	memmove(line->at + term->column, line->at + term->column + by, (room - by) * sizeof(*line->at));
	erase_cells(term, line->n - by, line->n);
}

static void do_insert_chars(struct hd_term *term)
{
	struct line *line = reach(term, term->width);
	unsigned by = param(term, 0, 1), room = line->n - term->column;
	by = by < room ? by : room;
	memmove(line->at + term->column + by, line->at + term->column, (room - by) * sizeof(*line->at));
	erase_cells(term, term->column, term->column + by);
}

static void do_save(struct hd_term *term)
{
	term->saved_row = term->row - term->top;
	term->saved_column = term->column;
}

static void do_restore(struct hd_term *term)
{
	go_to(term, term->saved_row, term->saved_column);
}

/* 38 and 48: "5;N" of 256; "2;R;G;B" as the nearest of the 6x6x6 cube.  Returns the parameters used. */
static unsigned long_color(const struct hd_term *term, unsigned i, int16_t *ret)
{
	if (param(term, i + 1, 0) == 5 && i + 2 < term->n_params) {
		*ret = (int16_t)(term->params[i + 2] & 255);
		return 2;
	}
	if (param(term, i + 1, 0) != 2 || i + 4 >= term->n_params)
		return 0;
	unsigned level[3];
	for (unsigned k = 0; k < 3; k++)
		level[k] = (term->params[i + 2 + k] & 255) * 6 / 256;
	*ret = (int16_t)(16 + 36 * level[0] + 6 * level[1] + level[2]);
	return 4;
}

static void do_sgr(struct hd_term *term)
{
	static const struct {
		uint8_t on, off;
		uint16_t attr;
	} attrs[] = {{1, 22, HD_ATTR_BOLD}, {2, 22, HD_ATTR_DIM}, {4, 24, HD_ATTR_UNDERLINE}, {7, 27, HD_ATTR_REVERSE}};
	for (unsigned i = 0; i < (term->n_params > 0 ? term->n_params : 1); i++) {
		unsigned p = param(term, i, 0);
		if (p == 0)
			term->pen = plain;
		for (size_t k = 0; k < HD_COUNTOF(attrs); k++) {
			if (p == attrs[k].on)
				term->pen.attr |= attrs[k].attr;
			else if (p == attrs[k].off)
				term->pen.attr &= (uint16_t)~attrs[k].attr;
		}
		int16_t *color = (p >= 30 && p <= 39) || (p >= 90 && p <= 97) ? &term->pen.fg : (p >= 40 && p <= 49) || (p >= 100 && p <= 107) ? &term->pen.bg : NULL;
		if (color == NULL)
			continue;
		if (p % 10 == 8 && p < 50)
			i += long_color(term, i, color);
		else
			*color = p < 50 && p % 10 == 9 ? -1 : (int16_t)(p % 10 + (p >= 90 ? 8 : 0));
	}
}

static const struct {
	char final;
	void (*act)(struct hd_term *term);
} sequences[] = {
	{'A', do_up},		{'B', do_down},	       {'C', do_right},	   {'D', do_left},  {'E', do_next},    {'F', do_previous},
	{'G', do_column},	{'H', do_place},       {'J', do_erase_screen}, {'K', do_erase_line}, {'P', do_delete_chars}, {'X', do_erase_chars},
	{'@', do_insert_chars}, {'`', do_column},      {'d', do_row},	   {'f', do_place}, {'m', do_sgr},     {'s', do_save},
	{'u', do_restore},
};

/* ---- bytes ---------------------------------------------------------------------------------------------------------- */

static void control(struct hd_term *term, unsigned char c)
{
	if (c == '\n' || c == '\v' || c == '\f') {
		next_line(term);
	} else if (c == '\r') {
		term->column = 0;
		term->wraps = false;
	} else if (c == '\b') {
		term->column -= term->column > 0;
		term->wraps = false;
	} else if (c == '\t') {
		go_to(term, term->row - term->top, (term->column | 7) + 1);
	}
}

static void csi(struct hd_term *term, unsigned char c)
{
	if (c >= '0' && c <= '9') {
		unsigned *p = &term->params[term->n_params > 0 ? term->n_params - 1 : 0];
		term->n_params += term->n_params == 0;
		*p = *p < 10000 ? *p * 10 + (c - '0') : *p;
	} else if (c == ';' || c == ':') {
		term->n_params += term->n_params == 0;
		if (term->n_params < PARAMS_MAX)
			term->params[term->n_params++] = 0;
	} else if (c >= '<' && c <= '?') {
		term->is_private = true;
	} else if (c >= 0x40 && c < 0x7f) {
		term->state = GROUND;
		for (size_t i = 0; i < HD_COUNTOF(sequences) && !term->is_private; i++) {
			if (sequences[i].final == (char)c)
				sequences[i].act(term);
		}
	}
}

static void escape(struct hd_term *term, unsigned char c)
{
	term->state = c == '[' ? CSI : c == ']' || c == 'P' || c == '_' || c == '^' || c == 'X' ? STRING : c == '(' || c == ')' || c == '#' ? CHARSET : GROUND;
	memset(term->params, 0, sizeof(term->params));
	term->n_params = 0;
	term->is_private = false;
	if (c == '7')
		do_save(term);
	else if (c == '8')
		do_restore(term);
	else if (c == 'E')
		do_next(term);
	else if (c == 'D')
		next_line(term);
}

static void character(struct hd_term *term, unsigned char c)
{
	if (term->need == 0) {
		term->need = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		term->n_part = 0;
	} else if ((c & 0xc0) != 0x80) {
		term->need = 0;
		put(term, '?');
		character(term, c);
		return;
	}
	term->part[term->n_part++] = (char)c;
	if (term->n_part < term->need)
		return;
	term->part[term->n_part] = '\0';
	term->need = 0;
	const char *p = term->part;
	put(term, hd_utf8_next(&p));
}

static void feed_byte(struct hd_term *term, unsigned char c)
{
	if (c == 0x1b && term->state != STRING) {
		term->state = ESCAPE;
		term->need = 0;
	} else if (term->state == STRING || term->state == STRING_ESCAPE) {
		bool ends = c == '\a' || (term->state == STRING_ESCAPE && c == '\\');
		term->state = ends ? GROUND : c == 0x1b ? STRING_ESCAPE : STRING;
	} else if (c < 0x20) {
		control(term, c);
	} else if (term->state == ESCAPE) {
		escape(term, c);
	} else if (term->state == CHARSET) {
		term->state = GROUND;
	} else if (term->state == CSI) {
		csi(term, c);
	} else if (c != 0x7f) {
		character(term, c);
	}
}

void hd_term_feed(struct hd_term *term, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		feed_byte(term, (unsigned char)bytes[i]);
}
