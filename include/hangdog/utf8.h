/* UTF-8 (RFC 3629), decoded defensively: texts come from the target. */
#ifndef HANGDOG_UTF8_H
#define HANGDOG_UTF8_H

#include "hangdog/base.h"

/* Next code point of *text, moving it on; 0 at the end.  '?' for what is malformed and for what would act on a terminal
 * instead of being shown: control characters, and marks that turn the direction of the text around them. */
uint32_t hd_utf8_next(const char **text);
/* Writes ch, at most U+10FFFF, without a NUL; returns the length. */
size_t hd_utf8_put(uint32_t ch, char ret[4]);

#endif
