/* Searching what is sorted, whatever it is kept in. */
#ifndef STACK_SEARCH_H
#define STACK_SEARCH_H

#include "hangdog/base.h"

/* How many of n entries, from the first on, is_before is true of; it must be of none behind the first of which it is not. */
static inline size_t hd_search(size_t n, bool (*is_before)(const void *ctx, size_t i), const void *ctx)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (is_before(ctx, mid))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

#endif
