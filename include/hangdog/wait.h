/* A classified wait: what a still thread waits for, until when, and who could end it (proof.md section 2).
 * core/classify fills it from one thread's facts; core/graph adds the wakers. */
#ifndef HANGDOG_WAIT_H
#define HANGDOG_WAIT_H

#include "hangdog/snapshot.h"

/* (constant, JSON kind of the contract, words for people) */
#define HD_WAIT_KINDS(X)                                                     \
	X(HD_WAIT_NONE, "other", "nothing")                                  \
	X(HD_WAIT_FUTEX, "futex", "a lock or wake-up")                       \
	X(HD_WAIT_CHILD, "child", "a child process to end")                  \
	X(HD_WAIT_VFORK, "child", "its vfork child to exec or end")          \
	X(HD_WAIT_PIPE, "pipe", "a pipe")                                    \
	X(HD_WAIT_FIFO_OPEN, "pipe", "someone to open a FIFO")               \
	X(HD_WAIT_SOCKET, "socket", "a socket")                              \
	X(HD_WAIT_ACCEPT, "socket", "a connection")                          \
	X(HD_WAIT_EVENTFD, "eventfd", "an eventfd")                          \
	X(HD_WAIT_EPOLL, "epoll", "events of an epoll set")                  \
	X(HD_WAIT_POLL, "poll", "one of several descriptors")                \
	X(HD_WAIT_FILELOCK, "file-lock", "a file lock")                      \
	X(HD_WAIT_SYSV, "sysv", "a System V semaphore or queue")             \
	X(HD_WAIT_TIMER, "timer", "time to pass")                            \
	X(HD_WAIT_SIGNAL, "signal", "a signal")                              \
	X(HD_WAIT_TTY, "tty", "the terminal")                                \
	X(HD_WAIT_DISK, "disk", "the disk or a driver")                      \
	X(HD_WAIT_OTHER, "other", "something hangdog does not know")

enum hd_wait_kind {
#define X(c, json, words) c,
	HD_WAIT_KINDS(X)
#undef X
	HD_WAIT_COUNT
};
const char *hd_wait_json(enum hd_wait_kind kind);
const char *hd_wait_words(enum hd_wait_kind kind);

/* Whom the wait needs, before the graph resolves it into threads. */
struct hd_wait {
	enum hd_wait_kind kind;
	const char *syscall;  /* name, "?" when not known */
	bool has_deadline;    /* time ends it */
	int64_t timeout_ns;   /* -1 = none or not known */
	/* NULL = all who could end it are known; else why somebody unseen could (static or arena text). */
	const char *outside;
	int32_t child_pid;    /* CHILD: -1 any, >0 that one, 0 same group, < -1 that group (as wait4) */
	uint32_t child_idtype; /* waitid: P_ALL 0, P_PID 1, P_PGID 2, P_PIDFD 3 */
};

/* What a system call waits for, by number and ABI alone: what os/gather must look up before core can decide.
 * Pure table look-up in syscalls.def. */
enum hd_need {
	HD_NEED_NOTHING = 0, /* always outside, or never blocks */
	HD_NEED_FUTEX,       /* word(s), mapping, time limit, lock */
	HD_NEED_FD_READ,     /* args[0] is a descriptor: data wanted */
	HD_NEED_FD_WRITE,    /* args[0] is a descriptor: room wanted */
	HD_NEED_CHILDREN,
	HD_NEED_VFORK,
	HD_NEED_EPOLL,       /* args[0] epoll, time limit */
	HD_NEED_POLLSET,     /* pollfd array or fd_sets in memory */
	HD_NEED_FILELOCK,
	HD_NEED_ACCEPT,
	HD_NEED_SYSV,
	HD_NEED_TIME,
};

struct hd_call {
	const char *name;     /* "?" for a number that the table does not know */
	int64_t nr;           /* number of the same call in the table of 64-bit x86, with the same arguments; -1 = none */
	enum hd_need need;
	enum hd_wait_kind kind; /* as far as the number tells; what a descriptor is, decides for some */
	const char *outside;  /* why somebody unseen can always end this call, NULL = facts decide.  Static text */
	bool is_unbounded;    /* no time limit in the arguments that can be read without memory */
	int timeout_arg;      /* index of an argument that points to a timespec/timeval (0 = no limit), -1 = none */
	int64_t timeout_ms;   /* limit found directly in the arguments (poll, epoll_wait), -1 = none */
	uint64_t futex_addr;  /* HD_NEED_FUTEX with one word */
	uint32_t futex_expected;
	bool futex_private, futex_compares; /* compares: waits only while *addr == expected */
	bool futex_pi;
};
/* Never fails: an unknown call is {"?", HD_NEED_NOTHING}. */
struct hd_call hd_call_decode(enum hd_abi abi, int64_t nr, const uint64_t args[HD_ARGS], bool was_restart);

/* Classify thread t of the snapshot.  Pure.  The texts live in `arena` or are static. */
struct hd_wait hd_classify(const struct hd_snapshot *snap, uint32_t t, struct hd_arena *arena);

#endif
