/* The text report while it is written: between report_text.c, the answer, and report_full.c, all stacks.  Private to core. */
#ifndef HANGDOG_CORE_REPORT_TEXT_H
#define HANGDOG_CORE_REPORT_TEXT_H

#include "report_page.h"

#define HD_COMMAND_COLUMNS 60u /* of the command in a headline */

struct hd_text {
	struct hd_page page;
	const struct hd_report *report;
	const struct hd_snapshot *snap;
	const struct hd_verdict *v; /* NULL: a dump, of which nothing is decided */
};

/* Every thread of every process of the tree, with its whole stack. */
void hd_text_put_full(struct hd_text *t);
/* The same as an answer of its own. */
void hd_text_put_dump(struct hd_text *t);
/* Threads of a report are named by their index. */
static inline const struct hd_thread *hd_text_thread(const struct hd_text *t, uint32_t i)
{
	return &t->snap->threads[i];
}

#endif
