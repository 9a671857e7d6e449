/* Where the live view's facts come from: a tree looked at from outside, one asked of the hangdog that guards it, or a
 * recording.  One source a tree; it owns the newest case and what the view borrows of it. */
#ifndef HANGDOG_CMD_TOP_SOURCE_H
#define HANGDOG_CMD_TOP_SOURCE_H

#include <poll.h>

#include "cmd/case.h"
#include "cmd/options.h"
#include "hangdog/view.h"

struct hd_source;

/* The tree of `pid`, nobody guarding it. */
HD_MUST_CHECK int hd_source_outside(const struct hd_options *options, int32_t pid, struct hd_source **ret, struct hd_err *err);
/* What this supervisor guards. */
struct hd_source *hd_source_guarded(int32_t supervisor);
/* FILE, an incident's folder, or "-". */
HD_MUST_CHECK int hd_source_recording(const char *path, struct hd_source **ret, struct hd_err *err);
void hd_source_free(struct hd_source *source); /* NULL is fine */
int32_t hd_source_supervisor(const struct hd_source *source); /* 0 = nobody */

/* Asks for new facts, with the stack of thread `tid` (0 = of none), unless they are on their way already. */
HD_MUST_CHECK int hd_source_ask(struct hd_source *source, int32_t tid, struct hd_err *err);
/* 0: they have come.  -EAGAIN: not yet, or nothing was asked.  Else (-ESRCH: the tree is gone) the old ones stay.
 * A supervisor is never waited for; from outside this is when the look is made. */
HD_MUST_CHECK int hd_source_take(struct hd_source *source, struct hd_err *err);
bool hd_source_is_asked(const struct hd_source *source);
/* For how long a supervisor has owed an answer; 0 = it owes none. */
int64_t hd_source_silent_ms(const struct hd_source *source);
/* What to poll for before take and acted are worth a call; fd -1 (hd_call_pollfd): a short time. */
#define HD_SOURCE_POLLFDS 2
size_t hd_source_pollfds(const struct hd_source *source, struct pollfd ret[HD_SOURCE_POLLFDS]);
/* Only the stack of that thread, where that is possible without asking anew; false = it takes a refresh. */
bool hd_source_stack(struct hd_source *source, int32_t tid);
/* How long the last answer took the supervisor, in milliseconds; from outside the source spares itself, and this is 0. */
int64_t hd_source_cost_ms(const struct hd_source *source);
/* For the view, valid until the next refresh; false = nothing has been seen yet. */
bool hd_source_tree(const struct hd_source *source, struct hd_view_tree *ret);

/* Begins what the user confirmed (or HD_VIEW_DUMP); one thing at a time (-EBUSY). */
HD_MUST_CHECK int hd_source_act(struct hd_source *source, enum hd_view_want want, struct hd_err *err);
/* 0: it is done, and what came of it is appended to `ret`; -EAGAIN: not yet; else why it was not done. */
HD_MUST_CHECK int hd_source_acted(struct hd_source *source, struct hd_buf *ret, struct hd_err *err);

#endif
