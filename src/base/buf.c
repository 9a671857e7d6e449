#include "hangdog/buf.h"

#include <stdio.h>
#include <string.h>

static void buf_reserve(struct hd_buf *buf, size_t more)
{
	if (buf->cap - buf->len > more)
		return;
	size_t cap = buf->cap != 0 ? buf->cap : 256;
	while (cap - buf->len <= more) {
		HD_ASSERT(cap < SIZE_MAX / 2);
		cap *= 2;
	}
	buf->text = realloc(buf->text, cap);
	if (buf->text == NULL)
		abort();
	buf->cap = cap;
}

void hd_buf_release(struct hd_buf *buf)
{
	free(buf->text);
	*buf = (struct hd_buf){0};
}

void hd_buf_clear(struct hd_buf *buf)
{
	buf->len = 0;
	if (buf->text != NULL)
		buf->text[0] = '\0';
}

void hd_buf_add(struct hd_buf *buf, const char *data, size_t len)
{
	buf_reserve(buf, len);
	memcpy(buf->text + buf->len, data, len);
	buf->len += len;
	buf->text[buf->len] = '\0';
}

void hd_buf_str(struct hd_buf *buf, const char *text)
{
	hd_buf_add(buf, text, strlen(text));
}

void hd_buf_char(struct hd_buf *buf, char c)
{
	hd_buf_add(buf, &c, 1);
}

void hd_buf_vprintf(struct hd_buf *buf, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	HD_ASSERT(len >= 0);
	buf_reserve(buf, (size_t)len);
	vsnprintf(buf->text + buf->len, (size_t)len + 1, fmt, ap);
	buf->len += (size_t)len;
}

void hd_buf_printf(struct hd_buf *buf, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	hd_buf_vprintf(buf, fmt, ap);
	va_end(ap);
}

const char *hd_buf_text(const struct hd_buf *buf)
{
	return buf->text != NULL ? buf->text : "";
}

/* Length of the well-formed, printable UTF-8 sequence at p (RFC 3629), 0 if there is none. */
static size_t utf8_len(const unsigned char *p)
{
	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	size_t n = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong forms, surrogates, beyond U+10FFFF, and the C1 control characters. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] >= 0x90) || (p[0] == 0xc2 && p[1] < 0xa0))
		return 0;
	return n;
}

void hd_buf_safe(struct hd_buf *buf, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
		size_t n = utf8_len(p);
		if (n == 0)
			hd_buf_char(buf, '?');
		else
			hd_buf_add(buf, (const char *)p, n);
		p += n != 0 ? n : 1;
	}
}
