/* Counters of one supervisor as OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/), for
 * --metrics FILE.  Pure.  Only types that the older Prometheus text format has as well, since node_exporter's textfile
 * collector reads that; every sample has the same two labels, so that several files do not collide. */
#ifndef HANGDOG_METRICS_H
#define HANGDOG_METRICS_H

#include "hangdog/buf.h"
#include "hangdog/verdict.h"

struct hd_metrics {
	int32_t supervisor;           /* pid */
	const char *command;          /* what is guarded, a short name; hostile */
	bool is_guarding;             /* false in the last writing, when hangdog ends */
	uint64_t processes, threads;  /* now */
	uint64_t looks, gathers, forks;
	uint64_t hangs_by_cause[HD_CAUSE_COUNT];
	uint64_t restarts;
	int64_t last_hang_ms;         /* since the epoch, 0 = none yet */
	int64_t longest_stop_us;      /* -1 = nobody was stopped */
};

void hd_metrics_text(const struct hd_metrics *m, struct hd_buf *out);

#endif
