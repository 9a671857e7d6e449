/* Bounded reading of DWARF bytes: past the end sets `bad` and gives zeroes; whoever loops checks `bad`. */
#ifndef STACK_CURSOR_H
#define STACK_CURSOR_H

#include <string.h>

#include "hangdog/base.h"

struct hd_cursor {
	const uint8_t *bytes;
	size_t len, at;
	uint64_t vaddr; /* of bytes[0], for pc-relative pointers */
	bool bad;
};

static inline bool hd_cursor_done(const struct hd_cursor *c)
{
	return c->bad || c->at >= c->len;
}

static inline void hd_cursor_take(struct hd_cursor *c, void *ret, size_t n)
{
	if (c->bad || c->len - c->at < n) {
		c->bad = true;
		memset(ret, 0, n);
		return;
	}
	memcpy(ret, c->bytes + c->at, n);
	c->at += n;
}

/* Little-endian, n = 1, 2, 4 or 8. */
static inline uint64_t hd_cursor_uint(struct hd_cursor *c, size_t n)
{
	uint64_t v = 0;
	hd_cursor_take(c, &v, n);
	return v;
}

static inline int64_t hd_cursor_int(struct hd_cursor *c, size_t n)
{
	uint64_t v = hd_cursor_uint(c, n);
	unsigned drop = 64 - 8 * (unsigned)n;
	return (int64_t)(v << drop) >> drop;
}

static inline uint64_t hd_cursor_uleb(struct hd_cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0; !c->bad; shift += 7) {
		uint64_t b = hd_cursor_uint(c, 1);
		if (shift < 64)
			v |= (b & 0x7f) << shift;
		if ((b & 0x80) == 0)
			break;
	}
	return v;
}

static inline int64_t hd_cursor_sleb(struct hd_cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0; !c->bad;) {
		uint64_t b = hd_cursor_uint(c, 1);
		if (shift < 64)
			v |= (b & 0x7f) << shift;
		shift += 7;
		if ((b & 0x80) == 0) {
			if (shift < 64 && (b & 0x40) != 0)
				v |= ~UINT64_C(0) << shift;
			break;
		}
	}
	return (int64_t)v;
}

static inline void hd_cursor_skip(struct hd_cursor *c, uint64_t n)
{
	if (c->bad || c->len - c->at < n)
		c->bad = true;
	else
		c->at += n;
}

#endif
