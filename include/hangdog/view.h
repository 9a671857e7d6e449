/* The live view as a function from values to values: snapshots and verdicts, what the user pressed and the size of the
 * screen in; cells to paint and requests to perform out.  Pure: no terminal, no clock, no files.
 *
 * src/cmd/top.c brings the model and performs the requests, src/ui paints the cells.  The keys are one table
 * (core/view_keys.c) that reads them and prints the help screen and the bar at the bottom. */
#ifndef HANGDOG_VIEW_H
#define HANGDOG_VIEW_H

#include "hangdog/report.h"

/* ---- cells ---- */

enum { HD_ATTR_BOLD = 1, HD_ATTR_DIM = 2, HD_ATTR_REVERSE = 4, HD_ATTR_UNDERLINE = 8 };

struct hd_cell {
	uint32_t ch;   /* code point; 0 = right half of the wide character to the left */
	int16_t fg, bg; /* palette index of the terminal, -1 = its default */
	uint16_t attr;
};

struct hd_screen {
	unsigned width, height;
	struct hd_cell *at;    /* [height * width] */
	int cursor_x, cursor_y; /* -1 = hidden */
};

/* What the view needs to know of the terminal. */
struct hd_view_style {
	bool utf8;     /* else only ASCII is painted */
	int colors;    /* 0 = monochrome, 8, 256 */
	int palette;   /* 0 = the usual colours, 1 = for people who do not tell red from green; `C` changes it */
};

/* ---- the model ---- */

/* One tree: what was seen of it and what was decided.  All borrowed until the next hd_view_model. */
struct hd_view_tree {
	const struct hd_snapshot *snap;
	const struct hd_verdict *verdict;
	const struct hd_advice *advice;
	uint32_t n_advice;
	const int32_t *cpu_permille; /* [n_threads] of one CPU since the look before, -1 = not known; NULL = none known */
	int32_t supervisor;          /* the hangdog that guards it, 0 = nobody */
};

struct hd_term; /* term.h */

struct hd_view_model {
	const struct hd_view_tree *trees;
	uint32_t n_trees;
	int64_t boot_ns;   /* time since boot when it was looked at, for ages; 0 = not known (a recording) */
	bool is_recording; /* nothing can be done about it */
	/* run --top: what the command writes (may change between two paintings), NULL = no such pane. */
	const struct hd_term *output;
	bool has_ended;      /* run --top: the command has */
	const char *notice;  /* why what is shown may be old, NULL = it is not */
	const char *leaving; /* what to ask before the view is left, NULL = nothing */
};

/* ---- what happens ---- */

/* Keys that are no characters; everything else is the code point.  Alt+x arrives as HD_KEY_ALT | x. */
enum hd_key {
	HD_KEY_UP = 0x110000, HD_KEY_DOWN, HD_KEY_LEFT, HD_KEY_RIGHT, HD_KEY_PAGE_UP, HD_KEY_PAGE_DOWN, HD_KEY_HOME, HD_KEY_END,
	HD_KEY_BACKSPACE, HD_KEY_DELETE, HD_KEY_BACKTAB, HD_KEY_MOUSE,
	HD_KEY_F1 = 0x110100, /* F2 = F1 + 1, ... */
	HD_KEY_ALT = 0x200000,
};
enum { HD_KEY_TAB = '\t', HD_KEY_ENTER = '\n', HD_KEY_ESC = 0x1b };

enum hd_mouse { HD_MOUSE_PRESS = 0, HD_MOUSE_WHEEL_UP, HD_MOUSE_WHEEL_DOWN };

struct hd_view_event {
	uint32_t key;
	enum hd_mouse mouse; /* HD_KEY_MOUSE only, with the cell that it is about */
	unsigned x, y;
};

enum hd_view_want {
	HD_VIEW_NOTHING = 0,
	HD_VIEW_QUIT,
	HD_VIEW_LOOK,    /* bring a new model now */
	HD_VIEW_SHOWN,   /* the selection has moved: its stack is wanted */
	HD_VIEW_REPAINT, /* the terminal shows something else: paint every cell again */
	HD_VIEW_INPUT,   /* `key` is for the command */
	HD_VIEW_DUMP,
	HD_VIEW_KILL,    /* these four were confirmed by the user */
	HD_VIEW_RESTART,
	HD_VIEW_HEAL,
	HD_VIEW_DETACH,
};

struct hd_view_request {
	enum hd_view_want want;
	uint32_t tree;      /* index in the model */
	int32_t pid, tid;   /* what is selected; 0 = nothing */
	uint32_t key;       /* HD_VIEW_INPUT */
};

/* ---- the view ---- */

struct hd_view; /* owns its cells and texts, borrows the model */

struct hd_view *hd_view_new(const struct hd_view_style *style);
void hd_view_free(struct hd_view *view); /* NULL is fine */
void hd_view_resize(struct hd_view *view, unsigned width, unsigned height);
/* New facts.  What is selected, folded and scrolled to stays, by identity. */
void hd_view_model(struct hd_view *view, const struct hd_view_model *model);
struct hd_view_request hd_view_key(struct hd_view *view, const struct hd_view_event *event);
/* A line for the log, shown at the bottom until the next key.  "10:21:03" and the like come from the caller. */
void hd_view_say(struct hd_view *view, const char *time, const char *text);
/* The selected thread and process; tid 0 = none. */
struct hd_view_request hd_view_selected(const struct hd_view *view);
/* How large the terminal in the output pane is, shown or not. */
void hd_view_output_size(const struct hd_view *view, unsigned *ret_width, unsigned *ret_height);
/* Everything as it should stand on the screen; valid until the next call about this view. */
const struct hd_screen *hd_view_paint(struct hd_view *view);

#endif
