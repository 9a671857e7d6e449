/* Sends an event to the system's log (--log syslog|journald), by the sockets that every such system has, without their
 * libraries.  Not syslog(3): that waits when the log's queue is full, and a tracer must not wait. */
#ifndef HANGDOG_SYSLOGGER_H
#define HANGDOG_SYSLOGGER_H

#include "hangdog/err.h"
#include "hangdog/logline.h"

enum hd_log { HD_LOG_NONE = 0, HD_LOG_SYSLOG, HD_LOG_JOURNALD };

#define HD_LOG_SYSLOG_SOCKET "/dev/log"
#define HD_LOG_JOURNALD_SOCKET "/run/systemd/journal/socket"

/* Fills pid and when itself.  Never blocks; what the log does not take is an error with a sentence, and lost. */
HD_MUST_CHECK int hd_log_send(enum hd_log where, struct hd_log_event event, struct hd_err *err);

#endif
