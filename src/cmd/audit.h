/* --audit: what is kept of each fork made while other threads existed, and what is said of it at the end. */
#ifndef HANGDOG_CMD_AUDIT_H
#define HANGDOG_CMD_AUDIT_H

#include "cmd/options.h"
#include "hangdog/audit.h"
#include "hangdog/event.h"
#include "hangdog/model.h"

struct hd_audit_log;

struct hd_audit_log *hd_audit_log_new(void);
void hd_audit_log_free(struct hd_audit_log *log); /* NULL is fine */
/* A process was forked: unwinds, while its memory still is what it was, where the parent's other threads stood. */
void hd_audit_log_fork(struct hd_audit_log *log, const struct hd_event *event, struct hd_unwinder *unwinder);
/* Says it on stderr; to --report FILE as well unless a hang's report is there. */
void hd_audit_log_tell(const struct hd_audit_log *log, const struct hd_model *model, uint64_t all_forks, bool had_hang,
		       const struct hd_options *options);

#endif
