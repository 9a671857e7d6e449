/* The live view's own state, shared by core/view*.c: view.c keeps it, view_rows.c makes the rows, view_words.c and
 * view_panes.c the texts, view_paint.c the cells, view_keys.c says which key does what. */
#ifndef HANGDOG_CORE_VIEW_PRIV_H
#define HANGDOG_CORE_VIEW_PRIV_H

#include "cells.h"
#include "hangdog/vec.h"

enum hd_tint {
	HD_TINT_PLAIN = 0,
	HD_TINT_DIM,
	HD_TINT_BOLD,
	HD_TINT_BAR,    /* first and last line, column heads */
	HD_TINT_KEY,    /* a key in the last line */
	HD_TINT_SELECT, /* what the cursor is on */
	HD_TINT_DEAD,   /* can never go on */
	HD_TINT_WAITS,  /* waits for something that can never go on */
	HD_TINT_GOOD,
	HD_TINT_FORK,   /* forked while other threads were around */
	HD_TINT_TREE,   /* the lines of the tree */
	HD_TINT_COUNT
};
#define HD_PALETTES 2
struct hd_pen hd_tint_pen(const struct hd_view_style *style, enum hd_tint tint);

/* One line of the list: a thread; the leader stands for its process. */
struct hd_view_row {
	uint32_t tree, proc, thread; /* indexes; thread HD_NONE: a process without threads; proc HD_NONE: the tree's own line */
	uint32_t depth;
	uint64_t bars;    /* bit d: a line goes on at depth d */
	bool is_last;     /* of its siblings */
	bool is_proc;     /* stands for the process */
	bool is_folded;
	bool has_below;   /* threads or children */
};

/* Who a row is, whatever the snapshot. */
struct hd_view_id {
	int32_t tid;
	uint64_t start;
};

enum hd_pane { HD_PANE_WHY = 0, HD_PANE_STACK, HD_PANE_FORK, HD_PANE_ADVICE, HD_PANE_LOG, HD_PANE_OUTPUT, HD_PANE_COUNT };
enum hd_view_mode { HD_MODE_LIST = 0, HD_MODE_SEARCH, HD_MODE_FILTER, HD_MODE_CONFIRM, HD_MODE_HELP, HD_MODE_INPUT };

/* A part of the screen that does something when it is clicked. */
struct hd_view_hit {
	unsigned x, y, width;
	uint32_t key;
};

struct hd_view {
	struct hd_view_style style;
	struct hd_view_model model;
	struct hd_screen screen;
	HD_VEC(struct hd_view_row) rows;
	HD_VEC(struct hd_view_id) folded;
	HD_VEC(struct hd_view_hit) hits;
	bool is_tree, shows_threads;
	struct hd_view_id selected;   /* tid 0 = nothing yet */
	size_t at, top;               /* selected row, first row shown */
	struct hd_buf filter, search; /* lower case; empty = none */
	enum hd_view_mode mode;
	struct hd_buf prompt;         /* what is being typed */
	enum hd_view_want asked;      /* CONFIRM: what "y" does */
	struct hd_buf question;
	enum hd_pane pane;
	bool has_focus;               /* the pane has the keys that move */
	bool is_zoomed;               /* the pane has the whole screen */
	size_t pane_top, pane_lines;
	size_t output_back;           /* lines that the output is scrolled back; 0 = follows */
	struct hd_buf pane_text;      /* of `pane`, wrapped; stale if !pane_is_current */
	bool pane_is_current;
	unsigned pane_width;
	size_t help_top;
	struct hd_buf log, message;   /* message: in the last line until the next key */
	struct hd_view_request wish;  /* what the key that is being handled asks for */
};

/* Where things stand on a screen of this size. */
struct hd_view_layout {
	unsigned list_y, list_rows; /* without the heads */
	unsigned heads_y;           /* line of the column heads; 0 = no room */
	unsigned pane_y, pane_rows; /* its title is the line above pane_y; rows 0 = no pane */
	bool has_second;            /* a second line at the top: the summary */
};
struct hd_view_layout hd_view_layout(const struct hd_view *view);

/* ---- rows (view_rows.c) ---- */
void hd_view_rows_build(struct hd_view *view); /* keeps the selection */
const struct hd_thread *hd_view_thread(const struct hd_view *view, const struct hd_view_row *row); /* NULL */
const struct hd_proc *hd_view_proc(const struct hd_view *view, const struct hd_view_row *row);     /* NULL */
struct hd_view_id hd_view_row_id(const struct hd_view *view, const struct hd_view_row *row);
const struct hd_view_row *hd_view_row_selected(const struct hd_view *view); /* NULL = no rows */
/* All its words in lower case: what search and filter look at. */
void hd_view_row_words(const struct hd_view *view, const struct hd_view_row *row, struct hd_buf *out);
bool hd_view_row_matches(const struct hd_view *view, const struct hd_view_row *row, const struct hd_buf *what);
void hd_view_select(struct hd_view *view, size_t at);
void hd_view_fold(struct hd_view *view, bool fold); /* the selected row, if it has something below */

/* ---- words (view_words.c) ---- */
/* "mutex registry_lock ← owner 4207, gone at fork", "pipe ← 4211", "child 4242", "epoll, 3 fds", "sleep 1.2 s". */
void hd_view_wait(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t, struct hd_buf *out);
/* In five columns: "130ms", "1.3s", "12s", "2m05", "9h12", "3d04"; "" for less than 1. */
void hd_view_duration(int64_t ns, struct hd_buf *out);
/* What the verdict says of a thread, in one word, and how it looks; "" = nothing. */
const char *hd_view_badge(const struct hd_view_tree *tree, uint32_t proc, uint32_t thread, enum hd_tint *ret_tint);
/* As the tree shows it: the command of a process, the name of a thread. */
void hd_view_name(const struct hd_view_tree *tree, const struct hd_view_row *row, struct hd_buf *out);
int64_t hd_view_age_ns(const struct hd_view_model *model, uint64_t start_ticks); /* -1 = not known */

/* ---- panes (view_panes.c) ---- */
void hd_view_pane_fill(struct hd_view *view, unsigned width); /* makes pane_text anew if it is stale */
const char *hd_view_pane_name(enum hd_pane pane);

/* ---- keys (view_keys.c) ---- */
struct hd_view_key {
	uint32_t keys[4];
	const char *shown;  /* in the help screen */
	const char *label;  /* in the last line, NULL = not there */
	const char *help;
	void (*act)(struct hd_view *view);
};
extern const struct hd_view_key hd_view_keys[];
extern const size_t hd_view_keys_n;

/* ---- actions that keys name (view.c) ---- */
void hd_view_act_up(struct hd_view *view);
void hd_view_act_down(struct hd_view *view);
void hd_view_act_left(struct hd_view *view);
void hd_view_act_right(struct hd_view *view);
void hd_view_act_page_up(struct hd_view *view);
void hd_view_act_page_down(struct hd_view *view);
void hd_view_act_home(struct hd_view *view);
void hd_view_act_end(struct hd_view *view);
void hd_view_act_enter(struct hd_view *view);
void hd_view_act_focus(struct hd_view *view);
void hd_view_act_zoom(struct hd_view *view);
void hd_view_act_back(struct hd_view *view);
void hd_view_act_search(struct hd_view *view);
void hd_view_act_next(struct hd_view *view);
void hd_view_act_previous(struct hd_view *view);
void hd_view_act_filter(struct hd_view *view);
void hd_view_act_tree(struct hd_view *view);
void hd_view_act_threads(struct hd_view *view);
void hd_view_act_dead(struct hd_view *view);
void hd_view_act_why(struct hd_view *view);
void hd_view_act_stack(struct hd_view *view);
void hd_view_act_fork(struct hd_view *view);
void hd_view_act_advice(struct hd_view *view);
void hd_view_act_log(struct hd_view *view);
void hd_view_act_output(struct hd_view *view);
void hd_view_act_input(struct hd_view *view);
void hd_view_act_dump(struct hd_view *view);
void hd_view_act_kill(struct hd_view *view);
void hd_view_act_restart(struct hd_view *view);
void hd_view_act_heal(struct hd_view *view);
void hd_view_act_detach(struct hd_view *view);
void hd_view_act_look(struct hd_view *view);
void hd_view_act_colors(struct hd_view *view);
void hd_view_act_repaint(struct hd_view *view);
void hd_view_act_help(struct hd_view *view);
void hd_view_act_quit(struct hd_view *view);

#endif
