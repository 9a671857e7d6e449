#include "hangdog/metrics.h"

#include <inttypes.h>
#include <stdio.h>

/* Quotes, backslashes and line breaks are escaped; what is no valid text becomes '?'. */
static void add_label(struct hd_buf *out, const char *value)
{
	struct hd_buf safe HD_CLEAN_BUF = {0};
	hd_buf_safe(&safe, value);
	for (const char *p = hd_buf_text(&safe); *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			hd_buf_char(out, '\\');
		hd_buf_char(out, *p);
	}
}

static void family(struct hd_buf *out, const char *name, const char *type, const char *help)
{
	hd_buf_printf(out, "# TYPE hangdog_%s %s\n# HELP hangdog_%s %s\n", name, type, name, help);
}

/* Up to the value; `more` is further labels, "" for none. */
static void sample(const struct hd_metrics *m, struct hd_buf *out, const char *name, const char *more)
{
	hd_buf_printf(out, "hangdog_%s{supervisor=\"%d\",command=\"", name, m->supervisor);
	add_label(out, m->command);
	hd_buf_printf(out, "\"%s} ", more);
}

static void add_counts(const struct hd_metrics *m, struct hd_buf *out)
{
	const struct {
		const char *name, *suffix, *type, *help;
		uint64_t value;
	} rows[] = {
		{"guarding", "", "gauge", "1 while hangdog guards the command, 0 once it has ended.", m->is_guarding},
		{"processes", "", "gauge", "Processes guarded now.", m->processes},
		{"threads", "", "gauge", "Threads guarded now.", m->threads},
		{"looks", "_total", "counter", "Looks at the tree.", m->looks},
		{"gathers", "_total", "counter", "Looks at every detail, because some threads might be dead.", m->gathers},
		{"forks", "_total", "counter", "Forks seen.", m->forks},
		{"restarts", "_total", "counter", "Restarts of the command after a hang.", m->restarts},
	};
	for (size_t i = 0; i < HD_COUNTOF(rows); i++) {
		char name[32] = "";
		snprintf(name, sizeof(name), "%s%s", rows[i].name, rows[i].suffix);
		family(out, rows[i].name, rows[i].type, rows[i].help);
		sample(m, out, name, "");
		hd_buf_printf(out, "%" PRIu64 "\n", rows[i].value);
	}
}

static void add_hangs(const struct hd_metrics *m, struct hd_buf *out)
{
	family(out, "hangs", "counter", "Hangs found, by cause.");
	for (int i = 0; i < HD_CAUSE_COUNT; i++) {
		char label[64];
		const char *name = hd_cause_name((enum hd_cause)i);
		if (name == NULL)
			continue;
		snprintf(label, sizeof(label), ",cause=\"%s\"", name);
		sample(m, out, "hangs_total", label);
		hd_buf_printf(out, "%" PRIu64 "\n", m->hangs_by_cause[i]);
	}
}

void hd_metrics_text(const struct hd_metrics *m, struct hd_buf *out)
{
	add_counts(m, out);
	add_hangs(m, out);
	if (m->last_hang_ms > 0) {
		family(out, "last_hang_timestamp_seconds", "gauge", "When the newest hang was found.");
		sample(m, out, "last_hang_timestamp_seconds", "");
		hd_buf_printf(out, "%" PRId64 ".%03d\n", m->last_hang_ms / 1000, (int)(m->last_hang_ms % 1000));
	}
	if (m->longest_stop_us >= 0) {
		family(out, "longest_stop_seconds", "gauge", "For how long hangdog stopped a thread, at most.");
		sample(m, out, "longest_stop_seconds", "");
		hd_buf_printf(out, "%" PRId64 ".%06d\n", m->longest_stop_us / 1000000, (int)(m->longest_stop_us % 1000000));
	}
	hd_buf_str(out, "# EOF\n");
}
