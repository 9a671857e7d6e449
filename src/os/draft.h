/* A snapshot while it is being filled: what the gathering files share.  Lives for one hd_watcher_gather.
 * Rows of the snapshot lie in its arena; what is here besides them is thrown away with the draft. */
#ifndef HD_OS_DRAFT_H
#define HD_OS_DRAFT_H

#include "hangdog/procfs.h"
#include "hangdog/table.h"
#include "hangdog/vec.h"
#include "os/watcher.h"
#include "parse/proc_fd.h"

/* Beside each thread row. */
struct hd_draft_thread {
	struct hd_sighting *seen;
	struct hd_task_status first; /* pass 1 */
	bool has_first;
	bool is_candidate;           /* hd_candidates: worth all its facts */
	struct hd_call call;
};

/* Beside each process row. */
struct hd_draft_proc {
	uint64_t model_start;
	bool model_shares_mm;
	bool is_wanted;   /* has a candidate */
	int32_t via;      /* a living thread through which its files are read (a dead leader's are empty) */
	bool sends_signals; /* a descriptor of it may send somebody a signal */
	bool is_mem_tried, has_mem, is_maps_tried, has_maps;
	struct hd_mem_live mem;
	struct hd_maps maps;
	bool is_python_tried;
	struct hd_py_view python; /* py NULL = none */
};

/* Beside each object row. */
struct hd_draft_object {
	bool is_wanted;     /* a candidate waits on it: its holders are looked for */
	bool wants_data, wants_room; /* what the waiters wait for */
	bool is_nameless;   /* memory: no name leads to it any more (words.c) */
	bool is_for_semlocks; /* memory: its name was secret only if it is multiprocessing's (words.c) */
	bool has_data;      /* sockets: who waits for data is about to move, who waits for room is not */
	/* Whose descriptor it was met as: identity of what has no number of its own (epoll, timerfd). */
	int32_t pid, fd;
};
/* Identity of an object, and its index. */
struct hd_object_id {
	uint64_t kind, id, dev;
};
struct hd_object_entry {
	struct hd_row row; /* by a key of the id */
	struct hd_object_id id;
	uint32_t object;
};

/* A wait for one word at one place of the code, and the first thread that was met there. */
struct hd_wait_place {
	uint64_t addr, pc;
	uint32_t proc, expected;
};
struct hd_wait_entry {
	struct hd_row row; /* by addr */
	struct hd_wait_place place;
	uint32_t thread;
};

/* Every process of the system, kernel threads excepted. */
struct hd_roster_row {
	int32_t pid, ppid;
	uint64_t start, start_stack, vsize, rss;
	uint32_t n_threads;
	char state;
	char name[16];
	uint32_t proc; /* index in the snapshot, HD_NONE = outside */
};
struct hd_roster {
	struct hd_roster_row *at; /* sorted by pid */
	size_t n, cap;
};

struct hd_draft {
	struct hd_watcher *w;
	const struct hd_model *model;
	struct hd_snapshot *snap;
	struct hd_arena *arena; /* the snapshot's */
	uint64_t sequence;      /* of the model when it began */
	uint64_t own_pid_ns;    /* hangdog's: in it numbers found in memory can be looked for */
	struct hd_draft_proc *procs;
	struct hd_draft_thread *threads;
	HD_VEC(struct hd_object) objects;
	HD_VEC(struct hd_draft_object) objects_more;
	struct hd_table object_index;
	struct hd_table wait_index;
	bool is_any_still; /* else there is nothing to prove: both rosters stay empty, no list of children counts as complete */
	struct hd_roster roster;
	struct hd_unix_table *unix_table; /* NULL = not dumped yet */
	int unix_error;
};

/* roster.c */
HD_MUST_CHECK int hd_roster_read(struct hd_roster *roster, const struct hd_snapshot *snap);
void hd_roster_release(struct hd_roster *roster);
struct hd_roster_row *hd_roster_find(const struct hd_roster *roster, int32_t pid);
/* There are processes that /proc does not list: those outside the PID namespace, or other users' under hidepid. */
bool hd_roster_hides(const struct hd_roster *roster, uint64_t own_pid_ns);
/* Which processes share memory: mm and mm_shared_outside of the wanted processes. */
void hd_draft_memories(struct hd_draft *d);
/* children_complete of all processes, by two rosters that agree. */
void hd_draft_children(struct hd_draft *d, const struct hd_roster *later);

/* facts.c: what a process row says beyond its threads. */
void hd_draft_agents(struct hd_draft *d); /* of the wanted processes */

/* words.c: time limits, futex words, shared memory, locks. */
void hd_draft_limit(struct hd_draft *d, uint32_t t);
void hd_draft_words(struct hd_draft *d, uint32_t t);
bool hd_draft_words_agree(struct hd_draft *d, uint32_t t); /* still the same values */
void hd_draft_mapping(struct hd_draft *d, uint32_t t);
void hd_draft_lock(struct hd_draft *d, uint32_t t);

/* objects.c: the descriptors that a thread waits on. */
void hd_draft_objects(struct hd_draft *d, uint32_t t);
/* Index of the object with this identity, made if it is new; HD_NONE over the cap (truncated is set). */
uint32_t hd_draft_object(struct hd_draft *d, enum hd_obj_kind kind, uint64_t id, uint32_t dev_major, uint32_t dev_minor);
uint32_t hd_draft_object_find(const struct hd_draft *d, enum hd_obj_kind kind, uint64_t id, uint32_t dev_major, uint32_t dev_minor);
void hd_draft_outside(struct hd_draft *d, uint32_t o, const char *fmt, ...) HD_PRINTF(3, 4); /* the first reason stays */

void hd_draft_unseen(struct hd_draft *d, uint32_t o, const char *why); /* as outside: only that somebody could not be looked into */

/* census.c: who on this system holds what; run twice, and only what both runs say counts. */
void hd_draft_census(struct hd_draft *d);

/* repeat.c: what threads wait for that move, but only back into the same wait (hd_watcher_sample). */
void hd_draft_repeats(struct hd_draft *d);

/* peers.c: sockets. */
uint32_t hd_draft_socket(struct hd_draft *d, uint32_t t, int32_t fd, uint64_t ino);
/* A unix socket that a connection waits on which nobody accepted yet: descriptors may be under way in it.  With inodes (sorted,
 * of all sockets that the tree holds): not connections between others, which have none of the tree's descriptors. */
bool hd_draft_has_embryos(struct hd_draft *d, const uint64_t *inodes, size_t n);
/* May a descriptor have come or gone through this socket, whose holder is of the tree?  inodes: sorted, of all sockets
 * that the tree holds. */
bool hd_draft_leads_outside(struct hd_draft *d, uint64_t ino, const uint64_t *inodes, size_t n);
void hd_unix_table_free(struct hd_unix_table *table);

/* Memory and mappings of a process, opened once a draft; NULL when they cannot be read. */
struct hd_mem *hd_draft_mem(struct hd_draft *d, uint32_t p);
const struct hd_maps *hd_draft_maps(struct hd_draft *d, uint32_t p);
uint32_t hd_draft_find_proc(const struct hd_draft *d, int32_t pid); /* HD_NONE = not of the tree */
void hd_draft_truncate(struct hd_draft *d, const char *why);

#endif
