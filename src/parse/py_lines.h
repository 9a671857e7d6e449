/* CPython's line and exception tables (reference: cpython.md section 3.3; Objects/lnotab_notes.txt, locations.md,
 * exception_handling_notes.txt of CPython).  Pure: bytes in, numbers out; any bytes are safe. */
#ifndef HANGDOG_PARSE_PY_LINES_H
#define HANGDOG_PARSE_PY_LINES_H

#include "hangdog/base.h"

/* The line of the instruction at byte offset `lasti` (-1: not started: the first line).  0 = the table has no line
 * for it.  minor: 8 to 15. */
int hd_py_line(unsigned minor, const uint8_t *table, size_t len, int firstlineno, int64_t lasti);

/* 3.11+: how many values lie on the stack when the innermost handler that covers `lasti` (bytes) is entered; -1 = none
 * covers it. */
int hd_py_handler_depth(const uint8_t *table, size_t len, int64_t lasti);

#endif
