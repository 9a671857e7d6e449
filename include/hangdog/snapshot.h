/* What two looks at a process tree agree on: every fact that a verdict is decided from, as plain data.
 *
 * A snapshot is filled once (by os/gather from the live system, or by data/snapshot_io from a file), then never changed.
 * Everything in it, strings included, lives in its arena.  References are indexes (thread, process, object) or HD_NONE;
 * identity is (number, start time).  A missing fact has a value of its own (HD_UNKNOWN, false `_known`, NULL reason) and
 * never helps a proof.  Times are nanoseconds.  The text format is docs/snapshot-format.md. */
#ifndef HANGDOG_SNAPSHOT_H
#define HANGDOG_SNAPSHOT_H

#include <sys/types.h>

#include "hangdog/arena.h"
#include "hangdog/frame.h"

#define HD_NONE UINT32_MAX

/* Caps: over one of them `truncated` is set, and then nothing is proven. */
#define HD_PROCS_MAX 32768u
#define HD_THREADS_MAX 262144u
#define HD_OBJECTS_MAX 262144u

enum hd_abi { HD_ABI_UNKNOWN = 0, HD_ABI_X86_64, HD_ABI_I386, HD_ABI_AARCH64 };

/* ---- futex words ------------------------------------------------------------------------------------------------ */

enum hd_mapping { HD_MAPPING_UNKNOWN = 0, HD_MAPPING_PRIVATE, HD_MAPPING_SHARED };

/* The word that a thread waits on.  futex_waitv has several; everything else has one. */
struct hd_word {
	uint64_t addr;
	uint32_t expected; /* what the waiter passed; only meaningful for compare-and-wait calls */
	uint32_t value;    /* what the word holds now */
	bool value_known;
	bool op_private;            /* FUTEX_PRIVATE_FLAG */
	/* Decided from the mapping, not from the flag.  A private mapping of a file that is not writable is UNKNOWN: there a
	 * futex without FUTEX_PRIVATE_FLAG is keyed by the file (kernel/futex/core.c get_futex_key). */
	enum hd_mapping mapping;
	/* Shared mappings: the key.  Words with equal (dev, ino, offset) are one futex in all processes. */
	uint32_t dev_major, dev_minor;
	uint64_t ino, offset;
	uint32_t sharers_object; /* index of the HD_OBJ_SHM object that lists who maps or can map it; HD_NONE = not looked up */
};

/* ---- locks seen behind the word (parse/locks) --------------------------------------------------------------------- */

/* X-macro so that names, JSON kinds and sentences cannot drift: (constant, JSON kind, words for people). */
#define HD_LOCK_KINDS(X)                                                             \
	X(HD_LOCK_UNKNOWN, "futex", "a futex")                                       \
	X(HD_LOCK_MUTEX, "mutex", "a mutex")                                         \
	X(HD_LOCK_RWLOCK_READ, "rwlock", "a read-write lock, to read")               \
	X(HD_LOCK_RWLOCK_WRITE, "rwlock", "a read-write lock, to write")             \
	X(HD_LOCK_SEMAPHORE, "semaphore", "a semaphore")                             \
	X(HD_LOCK_CONDITION, "condition", "a condition variable")                    \
	X(HD_LOCK_COND_DESTROY, "condition", "the waiters of a condition variable to leave, to destroy it") \
	X(HD_LOCK_BARRIER, "barrier", "a barrier")                                   \
	X(HD_LOCK_JOIN, "join", "the end of a thread")                               \
	X(HD_LOCK_ONCE, "once", "a one-time initialisation")                         \
	X(HD_LOCK_CXX_GUARD, "once", "the initialisation of a C++ static variable")  \
	X(HD_LOCK_FUTURE, "condition", "the result of a std::future")                \
	X(HD_LOCK_LIBC, "mutex", "a lock inside the C library")                      \
	X(HD_LOCK_STDIO, "stdio-lock", "the lock of a FILE")                         \
	X(HD_LOCK_MALLOC, "malloc-lock", "a lock of the memory allocator")           \
	X(HD_LOCK_LOADER, "loader-lock", "a lock of the dynamic loader")             \
	X(HD_LOCK_PYTHON, "python-lock", "a Python lock")                            \
	X(HD_LOCK_GIL, "gil", "the Python interpreter lock")                         \
	X(HD_LOCK_TEAM, "barrier", "the other threads of an OpenMP team or pool")    \
	X(HD_LOCK_PARKER, "futex", "a wake-up call to this thread")                  \
	X(HD_LOCK_RUST, "mutex", "a Rust lock")

enum hd_lock_kind {
#define X(c, json, words) c,
	HD_LOCK_KINDS(X)
#undef X
	HD_LOCK_COUNT
};
const char *hd_lock_json(enum hd_lock_kind kind);
const char *hd_lock_words(enum hd_lock_kind kind);
struct hd_lock;
/* The same in the words of the library that the lock belongs to, if known ("an absl::Mutex", "a Rust channel"): data/lock_words.def. */
const char *hd_lock_what(const struct hd_lock *lock);
/* The word that the thread waits on is its own, not the lock's, and where the lock lies is not known. */
bool hd_lock_is_elsewhere(const struct hd_lock *lock);

enum hd_confidence { HD_CONF_NONE = 0, HD_CONF_LOW, HD_CONF_HIGH };

struct hd_lock {
	enum hd_lock_kind kind;
	enum hd_confidence confidence; /* an owner counts for `owned` only with HD_CONF_HIGH */
	uint64_t base;        /* address of the lock object itself, 0 = not known */
	int32_t owner_tid;    /* as in memory: in the PID namespace of the process that locked it; 0 = none or not known */
	uint64_t owner_tcb;   /* owner named by thread control block (stdio, RLock), 0 = none */
	enum hd_tri owner_exists; /* does a task with the number owner_tid exist anywhere on this system, zombies excluded? */
	bool owner_releases;  /* the kind's rule: only its owner releases it */
	bool is_held;         /* the words say: taken now (mutex, rwlock, libc lock, ...) */
	bool is_robust, is_pi, is_pshared, is_recursive;
	/* A lock between Python's processes (multiprocessing.Lock, RLock): does any living process hold it, as far as those that
	 * were seen to have it tell?  NO and is_held: whoever held it has ended. */
	enum hd_tri held_by_living;
	bool is_multiprocessing; /* a semaphore that is multiprocessing's, of any kind: its name was drawn at random.  Not kept in files */
	uint64_t semlock;     /* its object in the waiter's process (SemLock), 0 = none.  Not kept in files */
	uint64_t rlock;       /* Python's reentrant locks: where the object's own fields begin, owner at 8 and depth at 16; 0 = none.
			       * Not kept in files */
	uint8_t layout;       /* enum hd_lock_layout (locks.h): for re-reading it in another copy; not kept in files */
	uint32_t readers;     /* rwlock: anonymous readers inside */
	uint64_t mutex;       /* condition: the mutex given with it, 0 = not known */
	const char *api;      /* outermost public name met: "pthread_mutex_lock", "localtime_r", NULL = structural only */
	const char *family;   /* "glibc", "musl", "libstdc++", "libgomp", "rust", "absl", "cpython", ..., NULL = not known */
	const char *name;     /* what it is for people: "registry_lock (in a.out)", "cache_lock (in train.py)", NULL */
	const char *variable_address_note; /* NULL, or where it lies when nameless: "in the heap of ..." */
	const char *check_failed; /* why confidence is not high, NULL */
	/* Taken already at the fork of this process?  From the newborn's memory or fork-time stacks; unknown if not seen. */
	enum hd_tri held_at_fork;
	int32_t fork_owner_tid;     /* parent's thread (outer tid) that held it at the fork, 0 = not known */
	enum hd_confidence fork_owner_confidence;
	/* A living thread (outer tid) that stands inside a `with` of it; with low confidence: behind an acquire() that no release()
	 * follows.  Explains, decides nothing; 0 = not known. */
	int32_t inside_tid;
	enum hd_confidence inside_confidence;
};

/* ---- threads ------------------------------------------------------------------------------------------------------ */

#define HD_ARGS 6

/* A thread and the lock of its Python interpreter. */
enum hd_gil { HD_GIL_NONE = 0, HD_GIL_HOLDS, HD_GIL_WAITS };

struct hd_thread {
	int32_t tid;      /* in hangdog's PID namespace */
	int32_t ns_tid;   /* in the thread's own (innermost) PID namespace */
	uint64_t start;   /* clock ticks since boot, stat field 22 */
	uint32_t proc;    /* index */
	const char *name; /* kernel comm */
	const char *py_name; /* threading name, NULL */
	enum hd_gil gil;     /* at the moment its Python stack was read */
	char state;       /* R S D T t Z X I */
	bool is_still;    /* parked and unmoved between the looks (parse/core confirm says how) */
	int64_t blocked_ns; /* since it was first seen in this very wait; 0 = not known */
	bool call_known;  /* nr and args are from a readable /proc/.../syscall that was numeric */
	int64_t nr;       /* system call number; restart_syscall already resolved where it could be */
	bool was_restart; /* the kernel shows restart_syscall: time-limited unless poll(-1) */
	enum hd_abi abi;
	uint64_t args[HD_ARGS], sp, pc;
	const char *wchan; /* hint only; NULL = not readable */
	uint64_t sig_blocked, sig_pending;
	uint64_t tls;      /* thread pointer, 0 = not known */
	struct hd_word *words; /* futex words waited on */
	uint32_t n_words;
	uint32_t *objects;    /* what the wait is on: fds resolved to objects (several for poll, epoll, select) */
	uint32_t n_objects;
	bool objects_complete; /* every object of the wait was resolved */
	bool objects_want_write; /* write(2) side: wants room, not data */
	enum hd_tri has_timeout; /* when the call takes a pointer to one: was it set; else from the arguments; never
	                          * unknown where call_known (a wait without is HD_NO) */
	int64_t timeout_ns;      /* whole time limit as passed, -1 = none or not known */
	struct hd_lock lock;
	struct hd_stack stack;   /* may be empty: not captured */
	/* It moves, but was met in this very wait each time for so long: how often it woke up meanwhile.  0 = not so. */
	int64_t repeat_ns;
	uint64_t repeats;
	/* It moves: so much CPU time in so long, while nothing else did.  0, 0 = not looked at. */
	int64_t busy_ns, busy_of_ns;
	/* It runs, but for so long each sample met it in the same waiting loop over memory that did not change (spin.h): 0 = not so. */
	int64_t spin_ns;
	uint32_t spin_samples;
	uint64_t spin_addr;      /* of what it looks at, and the word there */
	uint32_t spin_value;
	uint64_t voluntary, involuntary; /* context switches: the witness of stillness */
	uint64_t cpu_ns;         /* on a CPU so far, 0 = not known; told to people, decides nothing */
};

/* ---- objects of waits that are not plain private words --------------------------------------------------------------- */

#define HD_OBJ_KINDS(X)                 \
	X(HD_OBJ_OTHER, "other")        \
	X(HD_OBJ_PIPE, "pipe")          \
	X(HD_OBJ_FIFO, "fifo")          \
	X(HD_OBJ_UNIX, "unix-socket")   \
	X(HD_OBJ_TCP, "tcp-socket")     \
	X(HD_OBJ_SOCKET, "socket")      \
	X(HD_OBJ_EVENTFD, "eventfd")    \
	X(HD_OBJ_EPOLL, "epoll")        \
	X(HD_OBJ_TIMERFD, "timerfd")    \
	X(HD_OBJ_SIGNALFD, "signalfd")  \
	X(HD_OBJ_PIDFD, "pidfd")        \
	X(HD_OBJ_INOTIFY, "inotify")    \
	X(HD_OBJ_TTY, "tty")            \
	X(HD_OBJ_FILE, "file")          \
	X(HD_OBJ_SHM, "shared-memory")  \
	X(HD_OBJ_FILELOCK, "file-lock") \
	X(HD_OBJ_SYSV, "sysv")          \
	X(HD_OBJ_DEVICE, "device")

enum hd_obj_kind {
#define X(c, name) c,
	HD_OBJ_KINDS(X)
#undef X
	HD_OBJ_COUNT
};

/* Who holds an end of an object: any thread of that process can act on it. */
struct hd_holder {
	uint32_t proc;      /* index: only processes that are part of the snapshot */
	int32_t fd;         /* -1: by mapping, by lock */
	bool reads, writes; /* which end; for locks: writes = exclusive */
};

struct hd_object {
	enum hd_obj_kind kind;
	uint64_t id;        /* inode; eventfd-id; for SHM the inode; for pidfd the pid */
	uint32_t dev_major, dev_minor; /* SHM, FILE, FILELOCK */
	const char *label;  /* for people: "pipe:[1234]", a path */
	uint32_t peer;      /* connected socket: index of the object at the other end; HD_NONE */
	struct hd_holder *holders;
	uint32_t n_holders;
	uint32_t *watched;  /* epoll: objects registered */
	uint32_t n_watched;
	bool watched_complete;
	int64_t timer_ns;   /* timerfd: time left, 0 = disarmed, -1 = not known */
	/* Sockets: is SO_RCVTIMEO, SO_SNDTIMEO set?  Not in the arguments of any call; unknown is an outside. */
	enum hd_tri has_recv_timeout, has_send_timeout;
	bool is_ready;      /* looked ready for what is waited for: the waiter is about to move */
	/* NULL = everybody who could act on it is among the holders (and their peers'), else why somebody unseen could. */
	const char *outside;
	bool is_unseen;     /* `outside` is only that some process could not be looked into */
};

/* ---- forks ---------------------------------------------------------------------------------------------------------- */

enum hd_how { HD_HOW_UNKNOWN = 0, HD_HOW_BLOCKED, HD_HOW_STOPPED, HD_HOW_PYTHON };

/* A thread of the parent that the fork did not copy, or one that an earlier fork, from which the parent came, did not. */
struct hd_fork_other {
	int32_t tid, ns_tid;
	int32_t pid;          /* a thread of this older process, which the parent was itself a copy of; 0 = of the parent */
	const char *name;
	enum hd_how how;      /* how its place was learnt */
	int64_t nr;           /* system call it was in, -1 = none or not known */
	uint64_t args[HD_ARGS];
	uint64_t sp, pc, tls; /* 0 = not known */
	struct hd_stack stack;
	const char *holds;    /* Python locks that it was inside `with` of, for people; NULL = none, or not looked for */
	bool is_approximate;  /* was running: inner frames may be off */
};

struct hd_fork {
	int64_t time_ns;         /* CLOCK_REALTIME; 0 = not seen happening (attach, why) */
	bool is_seen;            /* observed as it happened; else rebuilt later from the child's memory */
	int32_t parent_pid, parent_tid, parent_ns_tid;
	uint64_t parent_start;
	uint32_t parent_threads; /* including the forking one; 0 = not known */
	struct hd_stack stack;   /* of the forking thread */
	struct hd_fork_other *others;
	uint32_t n_others;
	const struct hd_fork_raw *raw; /* what hd_forkev_resolve works from (forkev.h); never in files, NULL = nothing left to do */
};

/* ---- processes ------------------------------------------------------------------------------------------------------- */

struct hd_proc {
	int32_t pid, ppid, ns_pid;
	uint64_t start;
	uint64_t pid_ns;    /* inode of the PID namespace, 0 = not known */
	const char *comm;
	const char *const *argv; /* NULL-terminated */
	char state;         /* of the leader; Z = exited, not yet reaped */
	bool in_tree;       /* of the guarded tree; false = outside, here only because it can wake somebody */
	uint32_t parent;    /* index, HD_NONE */
	uint32_t first_thread, n_threads; /* its threads are contiguous in the snapshot */
	uint32_t mm;        /* processes with equal mm share memory; unique number otherwise */
	enum hd_tri mm_shared_outside; /* somebody not in the snapshot shares this memory */
	/* Agents that could end a wait without any thread of ours. */
	enum hd_tri has_io_uring, is_frozen, is_dumping, has_foreign_tracer;
	/* A timer or interval timer of its own whose signal is caught or whose notice wakes.  NO: /proc/PID/timers names none
	 * with a caught signal, and SIGALRM, SIGVTALRM and SIGPROF (interval timers, not in /proc) are not caught or known
	 * to be unarmed, and no descriptor of it sends signals (O_ASYNC, message queues) while one is caught that could be
	 * meant.  Unknown is an outside as soon as any signal is caught. */
	enum hd_tri timer_armed;
	/* timer_armed is unknown for no other reason than that interval timers were not asked for (itimers.h) */
	bool itimers_unasked;
	int64_t alarm_ns; /* time left of its alarm (ITIMER_REAL), where it was asked for; 0 = none, or not known */
	uint64_t sig_caught, sig_ignored, sig_pending; /* bit n-1 = signal n */
	bool threads_complete;  /* all its threads are rows of the snapshot */
	bool children_complete; /* all its children, and all that it traces, are processes of the snapshot */
	struct hd_fork *fork; /* NULL = not forked within our sight or exec'd since */
	bool has_exec;        /* exec'd since its fork: nothing is inherited */
	bool gc_running; /* Python collects garbage; not kept in files */
	/* asyncio tasks, only if asked for; never in files. */
	const struct hd_py_task *tasks;
	uint32_t n_tasks;
	const char *python;   /* version text, NULL = no interpreter found */
};

/* A child that ended badly while somebody still waits for it. */
struct hd_lost {
	int32_t pid;
	const char *comm;
	int32_t signal;  /* 0 = none */
	int32_t status;  /* exit status, -1 = none */
	int32_t ppid;    /* who forked it */
	int64_t time_ns;
	bool has_core;            /* the kernel says that it dumped core */
	const char *core_pattern; /* where cores go (/proc/sys/kernel/core_pattern); NULL = not asked */
	int64_t oom_kills;        /* SIGKILL: processes that the kernel ended for want of memory since the watch began, 0 = none
	                           * or not known */
};

struct hd_snapshot {
	struct hd_arena *arena; /* owns all of it, this struct included */
	const char *version;    /* of hangdog */
	const char *host;
	int64_t time_ns;        /* CLOCK_REALTIME of the first look */
	int64_t span_ns;        /* from the first look to the last */
	int32_t root;           /* pid */
	const char *const *command; /* NULL-terminated */
	int64_t stall_ns;       /* > 0: taken because nothing had moved for so long (--stall); replay then says so too */
	int32_t supervisor;     /* hangdog's own pid: its ptrace is not a foreign tracer */
	bool truncated;
	const char *truncated_why;
	struct hd_proc *procs;
	uint32_t n_procs;
	struct hd_thread *threads;
	uint32_t n_threads;
	struct hd_object *objects;
	uint32_t n_objects;
	struct hd_lost *lost;
	uint32_t n_lost;
};

struct hd_snapshot *hd_snapshot_new(void);
void hd_snapshot_free(struct hd_snapshot *snap); /* NULL is fine */

/* Lookups; HD_NONE when absent. */
uint32_t hd_snapshot_proc(const struct hd_snapshot *snap, int32_t pid);
uint32_t hd_snapshot_thread(const struct hd_snapshot *snap, int32_t tid);

/* Every index in range, every enum known, threads of a process contiguous: what the core may rely on.
 * 0 or -EINVAL with `why` (static text) set.  Run on every snapshot that came from a file. */
HD_MUST_CHECK int hd_snapshot_check(const struct hd_snapshot *snap, const char **why);

#endif
