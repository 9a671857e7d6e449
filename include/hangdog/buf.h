/* Growing text buffer, always NUL-terminated.  Owns its memory; init with {0}, release with hd_buf_release. */
#ifndef HANGDOG_BUF_H
#define HANGDOG_BUF_H

#include <stdarg.h>

#include "hangdog/base.h"

struct hd_buf {
	char *text; /* NULL while empty and never written to */
	size_t len, cap;
};

void hd_buf_release(struct hd_buf *buf);
void hd_buf_clear(struct hd_buf *buf); /* keeps the memory */
void hd_buf_add(struct hd_buf *buf, const char *data, size_t len);
void hd_buf_str(struct hd_buf *buf, const char *text);
void hd_buf_char(struct hd_buf *buf, char c);
void hd_buf_printf(struct hd_buf *buf, const char *fmt, ...) HD_PRINTF(2, 3);
void hd_buf_vprintf(struct hd_buf *buf, const char *fmt, va_list ap);
const char *hd_buf_text(const struct hd_buf *buf); /* "" while empty */
void hd_buf_utf8(struct hd_buf *buf, uint32_t ch); /* one character */
/* Names that come from the target are hostile: what is no text to be shown becomes '?' (utf8.h). */
void hd_buf_safe(struct hd_buf *buf, const char *text);

#define HD_CLEAN_BUF HD_CLEAN(hd_buf_release)

#endif
