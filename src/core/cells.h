/* Text into cells: knows how wide a character is, clips, and speaks ASCII where the terminal does.
 * Private to core/view*. */
#ifndef HANGDOG_CORE_CELLS_H
#define HANGDOG_CORE_CELLS_H

#include "hangdog/utf8.h"
#include "hangdog/view.h"

struct hd_pen {
	int16_t fg, bg;
	uint16_t attr;
};

unsigned hd_char_width(uint32_t ch);      /* 0, 1 or 2 columns */
unsigned hd_utf8_width(const char *text); /* columns */

void hd_screen_resize(struct hd_screen *screen, unsigned width, unsigned height);
void hd_screen_release(struct hd_screen *screen);
/* Blanks from (x, y), `columns` wide. */
void hd_screen_fill(struct hd_screen *screen, unsigned x, unsigned y, unsigned columns, struct hd_pen pen);
/* Writes text from (x, y), at most `columns` wide: what does not fit ends with an ellipsis.  Returns the columns used. */
unsigned hd_screen_put(struct hd_screen *screen, unsigned x, unsigned y, unsigned columns, struct hd_pen pen, const char *text, bool utf8);
/* The same at the right end of the field. */
void hd_screen_put_right(struct hd_screen *screen, unsigned x, unsigned y, unsigned columns, struct hd_pen pen, const char *text, bool utf8);

#endif
