/* How long may this program be quiet before that is worth a word?  Learnt from how long it has been quiet before: a
 * compile phase, a warm-up or a checkpoint of ten minutes that went by once raises no alarm the next time.  Pure. */
#ifndef HANGDOG_RHYTHM_H
#define HANGDOG_RHYTHM_H

#include "hangdog/base.h"

/* Patience is the time given, or so many times the longest quiet phase that ended by itself, whichever is longer. */
#define HD_RHYTHM_FACTOR 2

struct hd_rhythm {
	int64_t stall_ns;   /* as asked for (--stall); 0 = never stalled */
	int64_t moved_ns;   /* when it last moved */
	int64_t longest_ns; /* longest quiet phase that ended by itself */
	bool is_said;       /* this quiet phase was told already */
};

/* It starts now.  Times are of any one steady clock. */
void hd_rhythm_start(struct hd_rhythm *r, int64_t stall_ns, int64_t now_ns);
/* It moved. */
void hd_rhythm_move(struct hd_rhythm *r, int64_t now_ns);
/* It could not move (stopped by job control or a debugger): this quiet phase says nothing about it. */
void hd_rhythm_skip(struct hd_rhythm *r, int64_t now_ns);
int64_t hd_rhythm_quiet_ns(const struct hd_rhythm *r, int64_t now_ns);
int64_t hd_rhythm_patience_ns(const struct hd_rhythm *r);
/* Has it been quiet for longer than that?  True once in a quiet phase. */
bool hd_rhythm_alarm(struct hd_rhythm *r, int64_t now_ns);

#endif
