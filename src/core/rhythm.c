#include "hangdog/rhythm.h"

void hd_rhythm_start(struct hd_rhythm *r, int64_t stall_ns, int64_t now_ns)
{
	*r = (struct hd_rhythm){.stall_ns = stall_ns, .moved_ns = now_ns};
}

void hd_rhythm_move(struct hd_rhythm *r, int64_t now_ns)
{
	int64_t quiet_ns = hd_rhythm_quiet_ns(r, now_ns);
	if (quiet_ns > r->longest_ns)
		r->longest_ns = quiet_ns;
	r->moved_ns = now_ns;
	r->is_said = false;
}

void hd_rhythm_skip(struct hd_rhythm *r, int64_t now_ns)
{
	r->moved_ns = now_ns;
}

int64_t hd_rhythm_quiet_ns(const struct hd_rhythm *r, int64_t now_ns)
{
	return now_ns > r->moved_ns ? now_ns - r->moved_ns : 0;
}

int64_t hd_rhythm_patience_ns(const struct hd_rhythm *r)
{
	if (r->longest_ns > INT64_MAX / HD_RHYTHM_FACTOR)
		return INT64_MAX;
	int64_t learnt_ns = HD_RHYTHM_FACTOR * r->longest_ns;
	return learnt_ns > r->stall_ns ? learnt_ns : r->stall_ns;
}

bool hd_rhythm_alarm(struct hd_rhythm *r, int64_t now_ns)
{
	if (r->stall_ns <= 0 || r->is_said || hd_rhythm_quiet_ns(r, now_ns) < hd_rhythm_patience_ns(r))
		return false;
	r->is_said = true;
	return true;
}
