/* What hangdog says to a person: lines on stderr that begin "hangdog: ", and how text is drawn on a stream. */
#ifndef HANGDOG_CMD_SAY_H
#define HANGDOG_CMD_SAY_H

#include <stdio.h>

#include "cmd/options.h"
#include "hangdog/report.h"

/* One line, or several: each begins "hangdog: ".  Written with one write(2), so that it does not mix with the command's
 * own output in the middle of a line.  hd_say makes safe what names could do to a terminal (hd_buf_safe). */
void hd_say(const char *fmt, ...) HD_PRINTF(1, 2);
/* The same for what is no error: not with --quiet. */
void hd_tell(const struct hd_options *options, const char *fmt, ...) HD_PRINTF(2, 3);
void hd_say_text(const char *text); /* a page: many lines, perhaps in colour, safe already */

/* Colour and width for this stream: --color, NO_COLOR, TERM, the window size; 80 columns off a terminal. */
struct hd_text_style hd_say_style(FILE *stream, const struct hd_options *options);

#endif
