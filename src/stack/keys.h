/* A sorted list of (value, number) pairs, 8 bytes each: which entry of a file's table begins where.  Filled in any order,
 * then sorted in steps (work.h).  Heap memory of its own; zeroed = empty. */
#ifndef STACK_KEYS_H
#define STACK_KEYS_H

#include "stack/work.h"

struct hd_key {
	uint32_t value, id;
};

struct hd_keys {
	struct hd_key *at;
	size_t n, cap;
	bool is_unsorted;
	uint32_t largest;
	struct hd_keys_sorting *sorting; /* under way */
};

/* Room for n keys, so that filling them moves none. */
void hd_keys_reserve(struct hd_keys *keys, size_t n);
void hd_keys_push(struct hd_keys *keys, uint32_t value, uint32_t id);
/* True once they are sorted (stable).  False: out of work, ask again. */
HD_MUST_CHECK bool hd_keys_sort(struct hd_keys *keys, struct hd_work *work);
/* How many are not above value; of sorted ones only. */
size_t hd_keys_until(const struct hd_keys *keys, uint32_t value);
/* The last with just this value, NULL = there is none; of sorted ones only. */
const struct hd_key *hd_keys_last(const struct hd_keys *keys, uint32_t value);
void hd_keys_release(struct hd_keys *keys);

#endif
