/* A stack for people, brief or whole.  Private to core/report* and core/view*. */
#ifndef HANGDOG_CORE_REPORT_STACK_H
#define HANGDOG_CORE_REPORT_STACK_H

#include "report_page.h"

/* What a reader needs to know where the thread stands: Python frames all, of native code what is not plumbing of the
 * C library, the interpreter or the inside of one library; at most `max` lines.  Innermost first. */
void hd_page_stack_brief(struct hd_page *page, unsigned indent, const struct hd_stack *stack, uint32_t max);
/* Every frame with its number. */
void hd_page_stack_full(struct hd_page *page, unsigned indent, const struct hd_stack *stack);

/* The same frames in the same places. */
bool hd_stack_equal(const struct hd_stack *a, const struct hd_stack *b);
/* The innermost frame that is the program's own rather than plumbing, NULL if there is none. */
const struct hd_frame *hd_stack_own(const struct hd_stack *stack);

#endif
