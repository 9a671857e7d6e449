/* What a census has found, between census.c, which looks, and census_judge.c, which says what it means. */
#ifndef HD_OS_CENSUS_H
#define HD_OS_CENSUS_H

#include "os/draft.h"

struct hd_census_row {
	uint32_t object;
	int32_t pid, fd;
	bool reads, writes;
};

/* An open-file-description lock to write that a process was seen to hold. */
struct hd_ofd_lock {
	uint32_t object;
	uint64_t range;
};

struct hd_culprit {
	int32_t pid; /* 0 = nobody */
	const char *name;
};

/* A process of the tree that can copy descriptors out of another one (pidfd_getfd). */
struct hd_reach {
	int32_t pid, into;
};

/* A writable shared mapping in which futexes can lie. */
struct hd_shared_map {
	uint64_t ino, dev;
	int32_t pid;
};

struct hd_census {
	struct hd_draft *d;
	bool by_number, by_inode, by_compare, by_lock; /* which sorts of objects are looked for */
	bool wants_fds, wants_maps;
	HD_VEC(struct hd_census_row) rows;
	HD_VEC(struct hd_ofd_lock) ofd_locks;
	HD_VEC(struct hd_reach) reaches;
	HD_VEC(struct hd_shared_map) shared;
	struct hd_culprit closed, maps_closed, in_flight, ring; /* the first of each outside the tree */
	struct hd_culprit closed_in_tree, in_flight_in_tree, ring_in_tree; /* as those, of the tree */
	HD_VEC(uint64_t) sockets;      /* inodes of all that the tree holds */
	bool other_net;                /* somebody of the tree lives in another network namespace */
	HD_VEC(int32_t) with_device; /* processes whose drivers could signal an eventfd */
	struct hd_arena *scratch;
	/* the process in hand */
	const struct hd_roster_row *proc;
	int32_t tid;
	bool has_device;
};

int hd_census_row_order(const void *a, const void *b); /* by object, process and descriptor */
/* What two runs say of who holds each object; fills holders and outsides. */
void hd_census_apply(struct hd_census *first, struct hd_census *second);

#endif
