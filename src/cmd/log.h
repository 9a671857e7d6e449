/* --log: one line for the system's log per hang, and one per action. */
#ifndef HD_CMD_LOG_H
#define HD_CMD_LOG_H

#include "cmd/supervisor.h"

/* Of s->hang, once it is recorded. */
void hd_log_hang(struct hd_supervisor *s);
/* Of what was done about it. */
void hd_log_action(struct hd_supervisor *s);

#endif
