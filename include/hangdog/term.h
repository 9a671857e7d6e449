/* What a program writes to its terminal, as lines of cells with scrollback: a small terminal, enough for logs, progress
 * bars and colours (docs/decisions/0013-output-pane.md).  Understands UTF-8; CR, LF, BS, TAB; of ECMA-48 the cursor
 * movements, erasing, inserting and deleting, and SGR with 256 colours.  Everything else is swallowed.  Pure and bounded:
 * what a program writes is hostile. */
#ifndef HANGDOG_TERM_H
#define HANGDOG_TERM_H

#include "hangdog/view.h"

#define HD_TERM_LINES_MAX 4000u

struct hd_term;

struct hd_term *hd_term_new(unsigned width, unsigned height);
void hd_term_free(struct hd_term *term); /* NULL is fine */
void hd_term_resize(struct hd_term *term, unsigned width, unsigned height);
void hd_term_feed(struct hd_term *term, const char *bytes, size_t len);
/* Lines so far, scrollback included, oldest first. */
size_t hd_term_lines(const struct hd_term *term);
/* Line i and how many cells it has; what is behind them is blank.  Valid until the next feed. */
const struct hd_cell *hd_term_line(const struct hd_term *term, size_t i, unsigned *ret_width);
/* Where the cursor stands: line index and column. */
void hd_term_cursor(const struct hd_term *term, size_t *ret_line, unsigned *ret_column);

#endif
