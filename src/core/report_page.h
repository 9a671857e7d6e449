/* A page of text for people: words wrapped to a width, headings, colour only where the style asks for it.  Everything
 * printed passes hd_buf_safe, so names from the target cannot act on the terminal.  Private to core/report* and core/view*. */
#ifndef HANGDOG_CORE_REPORT_PAGE_H
#define HANGDOG_CORE_REPORT_PAGE_H

#include "hangdog/report.h"

struct hd_page {
	struct hd_buf *out;
	const struct hd_text_style *style;
	unsigned width; /* 20 to 200 */
};

enum hd_ink { HD_INK_PLAIN = 0, HD_INK_BOLD, HD_INK_DIM, HD_INK_RED, HD_INK_YELLOW, HD_INK_GREEN };

void hd_page_init(struct hd_page *page, const struct hd_text_style *style, struct hd_buf *out);
void hd_page_gap(struct hd_page *page); /* one empty line */
void hd_page_heading(struct hd_page *page, const char *fmt, ...) HD_PRINTF(2, 3);
void hd_page_rule(struct hd_page *page, const char *title);
/* A paragraph: its first line is indented by `first` columns, the others by `rest`.  Words longer than a line are cut. */
void hd_page_para(struct hd_page *page, unsigned first, unsigned rest, enum hd_ink ink, const char *fmt, ...) HD_PRINTF(5, 6);

unsigned hd_text_columns(const char *text); /* code points */

#endif
