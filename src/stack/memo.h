/* What walks found out about places in the code of one process: the file, its table row, the call that returns there.
 * Threads stand at the same places again and again, so most steps need nothing else.  Holds for one process as long as its
 * mappings stay as they are; asked about another one (or after files were closed) it begins anew. */
#ifndef STACK_MEMO_H
#define STACK_MEMO_H

#include "stack/callsite.h"
#include "stack/cfi.h"
#include "stack/modules.h"

struct hd_place {
	uint64_t look;      /* the key: see struct hd_walk_frame */
	size_t map;         /* index of the mapping that it is in */
	struct hd_module module; /* image NULL = none; .map is set anew for each question */
	bool has_row, call_known;
	struct hd_cfi_row row;   /* if has_row */
	struct hd_callsite call; /* if call_known: of the call that returns to look + 1 */
	uint64_t target;    /* where that call leads for good; 0 = not known, or it may still change */
};

struct hd_memo;

struct hd_memo *hd_memo_new(void);
void hd_memo_free(struct hd_memo *memo);
/* The place, borrowed until the next call; NULL: no code is mapped there. */
struct hd_place *hd_memo_at(struct hd_memo *memo, struct hd_modules *modules, const struct hd_unwind_query *query, uint64_t look);

#endif
