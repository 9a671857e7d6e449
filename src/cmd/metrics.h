/* --metrics FILE: kept up to date while a tree is guarded. */
#ifndef HANGDOG_CMD_METRICS_H
#define HANGDOG_CMD_METRICS_H

#include "cmd/supervisor.h"

/* After each look: writes when something happened, else every few seconds.  Failing is said once; guarding goes on. */
void hd_metrics_keep(struct hd_supervisor *s);
/* Before the end: the last numbers, with hangdog_guarding 0. */
void hd_metrics_end(struct hd_supervisor *s);

#endif
