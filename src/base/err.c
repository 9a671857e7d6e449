#include "hangdog/err.h"

#include <stdarg.h>
#include <stdio.h>

int hd_err_set(struct hd_err *err, int code, const char *fmt, ...)
{
	HD_ASSERT(code > 0);
	if (err != NULL) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		err->code = code;
	}
	return -code;
}
