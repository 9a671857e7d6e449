#include "hangdog/ui.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <wchar.h>

#define ESCAPE_MS 25 /* how long the rest of a key that begins with Esc may take: ssh is faster, people are slower */

struct hd_ui {
	SCREEN *terminal;
	bool utf8;
	int colors;             /* 0, 8 or 256 */
	bool has_default_colors;
	struct hd_cell *shown;  /* what was painted last */
	unsigned width, height; /* of `shown`; 0 = nothing is known to be on the screen */
};

/* Without this all colour pairs stay what the terminal began with, so that "no colour" stays no colour. */
static void start_colors(struct hd_ui *ui, bool wants_color)
{
	if (!wants_color || !has_colors() || start_color() == ERR)
		return;
	ui->has_default_colors = use_default_colors() == OK;
	ui->colors = COLORS >= 256 ? 256 : COLORS >= 8 ? 8 : 0;
}

static void start_input(void)
{
	raw(); /* Ctrl-C is a key like others: the view ends tidily */
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	meta(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
	leaveok(stdscr, FALSE);
}

int hd_ui_open(bool wants_color, struct hd_ui **ret, struct hd_err *err)
{
	const char *term = getenv("TERM");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return hd_err_set(err, ENOTTY, "the live view needs a terminal on stdin and stdout: 'hangdog why PID' prints instead");
	setlocale(LC_CTYPE, "");
	struct hd_ui *ui = calloc(1, sizeof(*ui));
	if (ui == NULL)
		abort();
	ui->terminal = newterm(NULL, stdout, stdin);
	if (ui->terminal == NULL || cursor_address == NULL) {
		hd_ui_close(ui);
		return hd_err_set(err, EINVAL, "TERM=%.50s: no terminal type that can place a cursor is known by that name: set TERM, "
				  "for example to xterm", term != NULL ? term : "");
	}
	ui->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	start_colors(ui, wants_color);
	start_input();
	*ret = ui;
	return 0;
}

void hd_ui_close(struct hd_ui *ui)
{
	if (ui == NULL)
		return;
	if (ui->terminal != NULL) {
		mousemask(0, NULL);
		/* Without an alternate screen there is nothing to come back to: leave no half of the view. */
		if (enter_ca_mode == NULL) {
			erase();
			refresh();
		}
		endwin();
		delscreen(ui->terminal);
	}
	free(ui->shown);
	free(ui);
}

struct hd_view_style hd_ui_style(const struct hd_ui *ui)
{
	return (struct hd_view_style){.utf8 = ui->utf8, .colors = ui->colors};
}

int hd_ui_fd(const struct hd_ui *ui)
{
	(void)ui;
	return STDIN_FILENO;
}

void hd_ui_size(struct hd_ui *ui, unsigned *ret_width, unsigned *ret_height)
{
	struct winsize size = {0};
	(void)ui;
	/* Some notebooks' terminals report 0. */
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
		resizeterm(size.ws_row, size.ws_col);
	*ret_width = (unsigned)COLS;
	*ret_height = (unsigned)LINES;
}

void hd_ui_forget(struct hd_ui *ui)
{
	ui->width = ui->height = 0;
	clearok(stdscr, TRUE);
}

/* ---- painting ------------------------------------------------------------------------------------------------------ */

static int clamp_color(const struct hd_ui *ui, int16_t color, int otherwise)
{
	if (color < 0)
		return ui->has_default_colors ? -1 : otherwise;
	return color < COLORS ? color : otherwise;
}

static void put_cell(const struct hd_ui *ui, unsigned x, unsigned y, const struct hd_cell *cell)
{
	attr_t attr = (cell->attr & HD_ATTR_BOLD ? A_BOLD : 0) | (cell->attr & HD_ATTR_DIM ? A_DIM : 0) |
		      (cell->attr & HD_ATTR_REVERSE ? A_REVERSE : 0) | (cell->attr & HD_ATTR_UNDERLINE ? A_UNDERLINE : 0);
	wchar_t text[2] = {(wchar_t)cell->ch, 0};
	int pair = 0;
	cchar_t out;
	if (ui->colors > 0 && (cell->fg >= 0 || cell->bg >= 0))
		pair = alloc_pair(clamp_color(ui, cell->fg, COLOR_WHITE), clamp_color(ui, cell->bg, COLOR_BLACK));
	if (pair < 0)
		pair = 0; /* no more pairs: plain is readable */
	setcchar(&out, text, attr, (short)pair, &pair);
	mvadd_wch((int)y, (int)x, &out);
}

static bool same_cell(const struct hd_cell *a, const struct hd_cell *b)
{
	return a->ch == b->ch && a->fg == b->fg && a->bg == b->bg && a->attr == b->attr;
}

static void take_size(struct hd_ui *ui, const struct hd_screen *screen)
{
	ui->width = screen->width;
	ui->height = screen->height;
	free(ui->shown);
	ui->shown = calloc((size_t)ui->width * ui->height + 1, sizeof(*ui->shown));
	if (ui->shown == NULL)
		abort();
	erase();
}

static void put_row(struct hd_ui *ui, const struct hd_screen *screen, unsigned y)
{
	const struct hd_cell *row = screen->at + (size_t)y * screen->width;
	struct hd_cell *shown = ui->shown + (size_t)y * screen->width;
	for (unsigned x = 0; x < screen->width; x++) {
		/* The right half goes with the left one. */
		bool is_wide = x + 1 < screen->width && row[x + 1].ch == 0;
		if (row[x].ch != 0 && (!same_cell(&row[x], &shown[x]) || (is_wide && shown[x + 1].ch != 0)))
			put_cell(ui, x, y, &row[x]);
	}
	memcpy(shown, row, screen->width * sizeof(*row));
}

void hd_ui_paint(struct hd_ui *ui, const struct hd_screen *screen)
{
	if (ui->width != screen->width || ui->height != screen->height)
		take_size(ui, screen);
	for (unsigned y = 0; y < screen->height; y++)
		put_row(ui, screen, y);
	if (screen->cursor_x >= 0)
		move(screen->cursor_y, screen->cursor_x);
	curs_set(screen->cursor_x >= 0);
	refresh();
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static uint32_t key_of(wint_t code)
{
	static const struct {
		wint_t code;
		uint32_t key;
	} keys[] = {
		{KEY_UP, HD_KEY_UP},	    {KEY_DOWN, HD_KEY_DOWN},	     {KEY_LEFT, HD_KEY_LEFT},	{KEY_RIGHT, HD_KEY_RIGHT},
		{KEY_PPAGE, HD_KEY_PAGE_UP}, {KEY_NPAGE, HD_KEY_PAGE_DOWN}, {KEY_HOME, HD_KEY_HOME},	{KEY_END, HD_KEY_END},
		{KEY_FIND, HD_KEY_HOME},    {KEY_SELECT, HD_KEY_END},	     {KEY_ENTER, HD_KEY_ENTER}, {KEY_BACKSPACE, HD_KEY_BACKSPACE},
		{KEY_DC, HD_KEY_DELETE},    {KEY_BTAB, HD_KEY_BACKTAB},	     {KEY_MOUSE, HD_KEY_MOUSE},
	};
	for (size_t i = 0; i < HD_COUNTOF(keys); i++) {
		if (keys[i].code == code)
			return keys[i].key;
	}
	return code > KEY_F0 && code <= KEY_F(12) ? HD_KEY_F1 + (code - KEY_F0) - 1 : 0;
}

static bool read_mouse(struct hd_view_event *ret)
{
	MEVENT event;
	if (getmouse(&event) == ERR || event.x < 0 || event.y < 0)
		return false;
	ret->x = (unsigned)event.x;
	ret->y = (unsigned)event.y;
	ret->mouse = event.bstate & BUTTON4_PRESSED ? HD_MOUSE_WHEEL_UP : event.bstate & BUTTON5_PRESSED ? HD_MOUSE_WHEEL_DOWN : HD_MOUSE_PRESS;
	return (event.bstate & (BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED)) != 0;
}

bool hd_ui_next(struct hd_ui *ui, struct hd_view_event *ret)
{
	wint_t code, after;
	(void)ui;
	/* Keys that mean nothing to us are skipped; bounded, as what is pasted may be long. */
	for (int i = 0; i < 64; i++) {
		int r = get_wch(&code);
		if (r == ERR)
			return false;
		*ret = (struct hd_view_event){.key = r == KEY_CODE_YES ? key_of(code) : (uint32_t)code};
		if (r == OK && code == '\r')
			ret->key = HD_KEY_ENTER;
		if (r == OK && code == HD_KEY_ESC && get_wch(&after) == OK)
			ret->key = HD_KEY_ALT | (uint32_t)after;
		if (ret->key == HD_KEY_MOUSE ? read_mouse(ret) : ret->key != 0)
			return true;
	}
	return false;
}
