/* An error with a sentence, filled where a person will read it: it names the thing, what is wrong and what to do.
 * Functions return a negative errno; the text travels in `struct hd_err`, which may be NULL and is untouched on success. */
#ifndef HANGDOG_ERR_H
#define HANGDOG_ERR_H

#include "hangdog/base.h"

struct hd_err {
	int code; /* positive errno */
	char text[512];
};

/* Fills `err` (may be NULL) and returns -code, so that a caller can `return hd_err_set(...)`. */
int hd_err_set(struct hd_err *err, int code, const char *fmt, ...) HD_PRINTF(3, 4);

#endif
