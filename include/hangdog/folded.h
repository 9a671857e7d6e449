/* The stacks of a dump for tools and for eyes: one line a stack (flame graph tools), or one call tree over all threads of
 * all processes, as STAT shows it over ranks.  Pure. */
#ifndef HANGDOG_FOLDED_H
#define HANGDOG_FOLDED_H

#include "hangdog/report.h"

/* "outermost;...;innermost COUNT" a line, sorted. */
void hd_report_folded(const struct hd_snapshot *snap, struct hd_buf *out);
/* The call tree, outermost first; each line: how many threads stand there, and the function. */
void hd_report_merged(const struct hd_snapshot *snap, struct hd_buf *out);

#endif
