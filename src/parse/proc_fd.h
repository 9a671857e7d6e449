/* Descriptors as /proc shows them: the link texts of fd/N and the lines of fdinfo/N.  Pure; every text is hostile.
 * Sources: kernel fs/proc/fd.c, fs/eventfd.c, fs/timerfd.c, fs/eventpoll.c (ep_show_fdinfo), fs/pidfs.c,
 * net/unix/af_unix.c (unix_show_fdinfo), fs/locks.c (show_fd_locks). */
#ifndef HD_PARSE_PROC_FD_H
#define HD_PARSE_PROC_FD_H

#include "hangdog/snapshot.h"

struct hd_fd_link {
	enum hd_obj_kind kind; /* HD_OBJ_SOCKET: which sort of socket the link does not say; HD_OBJ_FILE: any path */
	uint64_t ino;          /* pipe:[ino], socket:[ino]; else 0 */
	bool is_io_uring;
	bool is_deleted;       /* a path whose file has no name any more */
};
/* Never fails: what is not known is HD_OBJ_OTHER. */
struct hd_fd_link hd_fd_link_parse(const char *link);

struct hd_fdinfo {
	uint32_t flags;          /* open(2) flags */
	uint64_t mount;          /* mnt_id */
	bool has_eventfd_id;
	uint64_t eventfd_id, eventfd_count;
	int64_t timer_ns;        /* time left of a timerfd, 0 = disarmed, -1 = no such line */
	uint64_t timer_ticks;    /* expirations not read yet */
	int64_t pidfd_pid;       /* -1 = dead or no such line */
	uint64_t scm_fds;        /* descriptors on their way to this socket */
	bool has_lock;           /* a lock was taken through this description */
	uint32_t n_watched;      /* lines of an epoll set */
};
HD_MUST_CHECK int hd_fdinfo_parse(const char *text, struct hd_fdinfo *ret);

/* One registered descriptor of an epoll set; the number is the one at the time of EPOLL_CTL_ADD. */
struct hd_fd_watch {
	int32_t fd;
	uint32_t events;
	uint64_t ino;
};
/* The next one at or behind *text, which it moves; false when there is none. */
HD_MUST_CHECK bool hd_fdinfo_next_watch(const char **text, struct hd_fd_watch *ret);

/* Work that a GPU did for the client behind a DRM descriptor: the sum of its engines' busy times (drm-engine-*, nanoseconds)
 * and cycles (drm-cycles-*).  false = this driver shows none.  Source: kernel Documentation/gpu/drm-usage-stats.rst. */
HD_MUST_CHECK bool hd_fdinfo_gpu_work(const char *text, uint64_t *ret_work);

#endif
