/* The texts of /proc/PID/timers, /proc/locks, /proc/net/tcp{,6} and of cgroup.events.  Pure; every text is hostile.
 * Sources: kernel fs/proc/base.c (show_timer), fs/locks.c (lock_get_status), net/ipv4/tcp_ipv4.c (get_tcp4_sock).
 * The iterators move *text behind what they read and give false at the end; lines that they cannot read set *ret_bad. */
#ifndef HD_PARSE_PROC_MISC_H
#define HD_PARSE_PROC_MISC_H

#include "hangdog/base.h"

/* A POSIX timer exists; whether it is armed the kernel does not say. */
struct hd_posix_timer {
	uint32_t signal;
	bool wakes_thread; /* SIGEV_THREAD_ID: glibc's helper thread waits for it */
	bool is_silent;    /* SIGEV_NONE */
};
HD_MUST_CHECK bool hd_timers_next(const char **text, struct hd_posix_timer *ret, bool *ret_bad);

struct hd_file_lock {
	uint64_t id;      /* waiters carry the number of the lock that blocks them */
	bool is_waiter;
	bool is_write;
	bool is_ofd;      /* belongs to an open file description, not to a process */
	int32_t pid;      /* process; -1 = OFD lock, 0 = not visible from here */
	uint32_t dev_major, dev_minor;
	uint64_t ino;
	uint64_t range;   /* a digest of first and last byte: equal rows of /proc/locks and fdinfo have it equal */
};
/* Rows of /proc/locks; those of a descriptor's fdinfo look the same behind "lock:". */
HD_MUST_CHECK bool hd_locks_next(const char **text, struct hd_file_lock *ret, bool *ret_bad);

struct hd_tcp_row {
	char local[40], remote[40]; /* "0100007F:1F90", as printed */
	uint32_t state;             /* 1 = established */
	uint64_t tx_queue, rx_queue, ino;
};
HD_MUST_CHECK bool hd_tcp_next(const char **text, struct hd_tcp_row *ret, bool *ret_bad);

/* "oom_kill 3" of /proc/vmstat: processes that the kernel ended for want of memory, on the whole machine. -1 = not told. */
int64_t hd_vmstat_oom_kills(const char *text);

/* "frozen 1" of cgroup.events. */
enum hd_tri hd_cgroup_frozen(const char *text);

#endif
