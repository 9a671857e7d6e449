/* A verdict as text and as JSON (contract sections 5 and 6), and the advice that goes with it.  Pure. */
#ifndef HANGDOG_REPORT_H
#define HANGDOG_REPORT_H

#include "hangdog/buf.h"
#include "hangdog/verdict.h"

/* ---- advice (core/advise.def: one row a rule) ---- */
struct hd_advice {
	const char *rule, *title, *text;
	const char *cure;   /* as --cure takes it, NULL */
	const char *source; /* URL, NULL */
};
#define HD_ADVICE_MAX 4
/* Rules that match the culprit's stack and wait, best first, deterministic.  Returns how many (0..HD_ADVICE_MAX). */
uint32_t hd_advise(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_advice ret[HD_ADVICE_MAX]);

/* ---- what was done about it ---- */
struct hd_action_note {
	const char *taken;  /* "kill", "kill-child", "restart", "heal", "stop", "exec"; NULL = nothing */
	const char *result;
	bool has_failed; /* it was only tried: result says why it did not work */
};

struct hd_report {
	const char *id; /* incident id, NULL */
	const struct hd_snapshot *snap;
	const struct hd_verdict *verdict;
	const struct hd_advice *advice;
	uint32_t n_advice;
	struct hd_action_note action;
	int64_t longest_stop_us; /* -1 = nobody was stopped */
	int64_t capture_ms;
	bool each_thread; /* of a dump: threads that stand in the same place are shown one by one */
	bool only_python; /* of a dump: native frames were not asked for */
	bool is_dump; /* `hangdog dump`: no verdict, no advice, all stacks */
};

/* One JSON object and a newline. */
void hd_report_json(const struct hd_report *report, struct hd_buf *out);

struct hd_text_style {
	bool color;
	bool verbose;       /* full stacks below a rule, with long names and paths */
	bool threads;       /* the same of every thread, with short ones */
	unsigned width;     /* columns; 80 when not on a terminal */
};
void hd_report_text(const struct hd_report *report, const struct hd_text_style *style, struct hd_buf *out);

#endif
