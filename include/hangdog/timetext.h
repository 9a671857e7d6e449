/* Points in time and durations as text.  Pure: the caller brings the time, in nanoseconds since 1970, UTC. */
#ifndef HANGDOG_TIMETEXT_H
#define HANGDOG_TIMETEXT_H

#include "hangdog/buf.h"

struct hd_timetext {
	char text[32];
};
/* RFC 3339 with milliseconds, "2026-11-24T08:45:12.123Z"; clamped to the years 1970 to 9999. */
struct hd_timetext hd_time_rfc3339(int64_t time_ns);
/* Without punctuation, for names that sort by time: "20261124T084512.123Z". */
struct hd_timetext hd_time_compact(int64_t time_ns);
/* For people: "130 ms", "1.3 s", "2 min 5 s", "9 h 12 min", "3 days 4 h".  Negative counts as 0. */
struct hd_timetext hd_duration_words(int64_t duration_ns);

#endif
