/* The terminal: paints the cells of the view and reads keys, the mouse and the size.  Decides nothing.
 * The only room that knows ncurses. */
#ifndef HANGDOG_UI_H
#define HANGDOG_UI_H

#include "hangdog/err.h"
#include "hangdog/view.h"

struct hd_ui;

/* Takes over the terminal on stdin and stdout.  -ENOTTY, or -EINVAL for a TERM that cannot place a cursor.  One at a time. */
HD_MUST_CHECK int hd_ui_open(bool wants_color, struct hd_ui **ret, struct hd_err *err);
/* Gives the terminal back as it was; NULL is fine. */
void hd_ui_close(struct hd_ui *ui);
struct hd_view_style hd_ui_style(const struct hd_ui *ui);
int hd_ui_fd(const struct hd_ui *ui); /* poll for POLLIN */
/* The size of the window now; call again after SIGWINCH. */
void hd_ui_size(struct hd_ui *ui, unsigned *ret_width, unsigned *ret_height);
/* The next key or click; false = none yet.  Never blocks. */
bool hd_ui_next(struct hd_ui *ui, struct hd_view_event *ret);
/* Brings the screen to this: only cells that differ from what was painted last are sent. */
void hd_ui_paint(struct hd_ui *ui, const struct hd_screen *screen);
/* The terminal shows something else: the next paint sends every cell. */
void hd_ui_forget(struct hd_ui *ui);

#endif
