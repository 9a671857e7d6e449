#include "hangdog/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/utf8.h"

/* In place: what is not shown becomes '?', which is never longer. */
static void make_safe(char *text)
{
	const char *from = text;
	for (uint32_t ch; (ch = hd_utf8_next(&from)) != 0;) {
		char one[4];
		size_t n = hd_utf8_put(ch, one);
		memcpy(text, one, n);
		text += n;
	}
	*text = '\0';
}

int hd_err_set(struct hd_err *err, int code, const char *fmt, ...)
{
	HD_ASSERT(code > 0);
	if (err != NULL) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		make_safe(err->text); /* a person reads it, and names of files and processes are in it */
		err->code = code;
	}
	return -code;
}
