/* Hostile memory: every address can be read, and gives bytes of the input again and again, so that pointers lead
 * somewhere.  Needs an input of at least one byte. */
#ifndef HD_FUZZ_ECHO_H
#define HD_FUZZ_ECHO_H

#include <string.h>

#include "hangdog/mem.h"

struct echo {
	struct hd_mem mem; /* first */
	const uint8_t *data;
	size_t size;
};

static inline int echo_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	const struct echo *echo = (const struct echo *)mem;
	uint8_t *out = buf;
	for (size_t at = (size_t)(addr % echo->size); len > 0; at = 0) {
		size_t step = echo->size - at < len ? echo->size - at : len;
		memcpy(out, echo->data + at, step);
		out += step;
		len -= step;
	}
	return 0;
}

#endif
