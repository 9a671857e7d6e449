/* Strict number parsing: the whole text must be the number; no blanks, no sign surprises, no overflow. */
#ifndef HANGDOG_NUM_H
#define HANGDOG_NUM_H

#include "hangdog/base.h"

/* 0 or -EINVAL/-ERANGE; `ret` untouched on failure.  base 10, or 16 with an optional 0x. */
HD_MUST_CHECK int hd_parse_u64(const char *text, unsigned base, uint64_t *ret);
HD_MUST_CHECK int hd_parse_i64(const char *text, int64_t *ret);
/* Reads digits at *text and moves it past them: for line formats.  false when there is no digit or it overflows. */
HD_MUST_CHECK bool hd_take_u64(const char **text, unsigned base, uint64_t *ret);
HD_MUST_CHECK bool hd_take_i64(const char **text, int64_t *ret);

#endif
