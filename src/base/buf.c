#include "hangdog/buf.h"

#include <stdio.h>
#include <string.h>

#include "hangdog/utf8.h"

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

void hd_buf_utf8(struct hd_buf *buf, uint32_t ch)
{
	char one[4];
	size_t len = hd_utf8_put(ch, one);
	hd_buf_add(buf, one, len);
}

void hd_buf_safe(struct hd_buf *buf, const char *text)
{
	for (uint32_t ch; (ch = hd_utf8_next(&text)) != 0;)
		hd_buf_utf8(buf, ch);
}
