/* Freeing orphaned locks for --on-hang heal and 'hangdog ctl PID heal': plans first, all or nothing, then performs. */
#ifndef HANGDOG_CMD_HEAL_H
#define HANGDOG_CMD_HEAL_H

#include "cmd/supervisor.h"

/* Frees what the culprits of the case wait for.  true: all of them went on; `ret_text` says what was done and what may be
 * inconsistent now.  false: it says why not. */
bool hd_supervisor_heal(struct hd_supervisor *s, const struct hd_case *c, struct hd_buf *ret_text);

#endif
