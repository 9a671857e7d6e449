/* One event for a system's log (--log): the same fields as a line of text for syslog and as a record for journald.  Pure. */
#ifndef HANGDOG_LOGLINE_H
#define HANGDOG_LOGLINE_H

#include "hangdog/buf.h"

struct hd_log_field {
	const char *name;  /* small letters and _ */
	const char *value; /* hostile; NULL = left out */
};

struct hd_log_event {
	int priority;        /* of syslog(3): 4 warning, 5 notice */
	int32_t pid;         /* of hangdog */
	const char *when;    /* "Nov 24 08:45:12", local time, as syslog(3) writes it */
	const char *message; /* a sentence; hostile */
	const struct hd_log_field *fields;
	size_t n_fields;
};

#define HD_LOG_LINE_MAX 2000 /* longer lines are cut: rsyslog and others cut at 2 to 8 KiB */

/* What syslog(3) sends to /dev/log: "<28>Nov 24 08:45:12 hangdog[7]: SENTENCE | name=value name=\"a value\"", facility daemon. */
void hd_log_syslog(const struct hd_log_event *event, struct hd_buf *out);
/* A datagram for /run/systemd/journal/socket (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): MESSAGE, PRIORITY,
 * SYSLOG_IDENTIFIER, and each field as HANGDOG_NAME. */
void hd_log_journal(const struct hd_log_event *event, struct hd_buf *out);

#endif
