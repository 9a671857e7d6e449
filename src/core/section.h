/* Places in the C library that work under one of its own locks, told by the names of its functions (glibc and musl). */
#ifndef HANGDOG_CORE_SECTION_H
#define HANGDOG_CORE_SECTION_H

#include "hangdog/frame.h"

/* Libraries that locks are made of: what a program does with a lock is told by its first frame outside of them. */
bool hd_frame_is_runtime(const struct hd_frame *f);
/* Do these two functions of the C library work under the same lock?  NULL never does. */
bool hd_section_same(const char *a, const char *b);
/* Does whoever blocks in such a function hold the one lock?  The name service asks servers without its locks, and exit runs
 * its handlers so. */
bool hd_section_is_one_lock(const char *function);
/* The lock that the thread works under, for people: "the time zone lock of the C library", and the function that it is
 * in.  NULL = not inside such a place as far as the innermost frames tell. */
const char *hd_section_of(const struct hd_stack *stack, const char **ret_function);

#endif
