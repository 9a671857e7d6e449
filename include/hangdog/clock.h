/* The clocks of this machine.  The pure floors never ask one: time is data to them. */
#ifndef HANGDOG_CLOCK_H
#define HANGDOG_CLOCK_H

#include <stdint.h>

int64_t hd_now_ns(void); /* CLOCK_MONOTONIC: how long something takes, time limits */
int64_t hd_now_ms(void);
int64_t hd_now_real_ns(void); /* CLOCK_REALTIME: when it was, as people say it */
int64_t hd_now_boot_ns(void); /* CLOCK_BOOTTIME: to compare with start times of tasks */

#endif
