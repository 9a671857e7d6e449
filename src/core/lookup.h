/* Indexes over a snapshot: who has this number, who shares this memory, whose child is whose.  Built once a verdict, so
 * that nothing in core scans the whole snapshot per thread.  Lives in the arena; borrows the snapshot. */
#ifndef HANGDOG_CORE_LOOKUP_H
#define HANGDOG_CORE_LOOKUP_H

#include "hangdog/wait.h"

struct hd_key {
	uint64_t key;
	uint32_t index;
};

struct hd_keys {
	const struct hd_key *at; /* sorted by key, then index */
	uint32_t n;
};

#define HD_CHILD_KEY(parent, ns_pid) ((uint64_t)(parent) << 32 | (uint32_t)(ns_pid))

struct hd_lookup {
	struct hd_keys by_pid;    /* processes */
	struct hd_keys by_mm;     /* processes by memory */
	struct hd_keys by_parent; /* processes by the index of their parent */
	struct hd_keys by_child;  /* processes by HD_CHILD_KEY: the index of their parent and their own number */
	struct hd_keys by_ns_tid; /* threads by their number in their own PID namespace */
	struct hd_keys by_tid;    /* threads by their number in hangdog's namespace */
	struct hd_keys by_tls;    /* threads by thread pointer; those that have none known are left out */
	/* Per process, about all that share its memory: are all their threads here, and numbered in one namespace; and is
	 * every living one of them in by_tls? */
	const bool *mm_whole, *mm_tls_known;
};

struct hd_lookup hd_lookup_make(const struct hd_snapshot *snap, struct hd_arena *arena);
/* All entries with this key, perhaps none.  Real snapshots repeat a number once a namespace; a crafted one must not cost
 * quadratic time, so who walks the result stops at HD_SAME_MAX and then knows nothing. */
#define HD_SAME_MAX 1024u
struct hd_keys hd_keys_find(const struct hd_keys *keys, uint64_t key);

/* The child of process p that its wait4(pid) or waitid(P_PID) names; HD_NONE = it may be any. */
uint32_t hd_lookup_child(const struct hd_snapshot *snap, const struct hd_lookup *lookup, uint32_t p, const struct hd_wait *wait);

/* Has this thread ended?  A zombie row can do nothing any more. */
static inline bool hd_thread_ended(const struct hd_thread *th)
{
	return th->state == 'Z' || th->state == 'X';
}
/* Has this process ended: no thread of it left? */
bool hd_proc_ended(const struct hd_snapshot *snap, uint32_t p);

#endif
