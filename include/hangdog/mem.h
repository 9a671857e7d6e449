/* The memory port: the one way to read a target's memory, live (/proc/PID/mem), recorded (tests, snapshots) or layered
 * (captured stack bytes over live memory).  Readers get bytes or an error, never a signal, and bound what they ask for. */
#ifndef HANGDOG_MEM_H
#define HANGDOG_MEM_H

#include "hangdog/base.h"

struct hd_mem {
	/* Reads exactly len bytes at addr: 0, -EFAULT (not readable), -ESRCH (target gone or its memory replaced). */
	int (*read)(struct hd_mem *mem, uint64_t addr, void *buf, size_t len);
};

HD_MUST_CHECK static inline int hd_mem_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	return mem->read(mem, addr, buf, len);
}

HD_MUST_CHECK int hd_mem_u8(struct hd_mem *mem, uint64_t addr, uint8_t *ret);
HD_MUST_CHECK int hd_mem_u32(struct hd_mem *mem, uint64_t addr, uint32_t *ret);
HD_MUST_CHECK int hd_mem_i32(struct hd_mem *mem, uint64_t addr, int32_t *ret);
HD_MUST_CHECK int hd_mem_u64(struct hd_mem *mem, uint64_t addr, uint64_t *ret);
/* NUL-terminated text of at most cap-1 bytes; cut silently at cap-1.  ret is always terminated on success. */
HD_MUST_CHECK int hd_mem_cstr(struct hd_mem *mem, uint64_t addr, char *ret, size_t cap);

/* A layer of captured bytes over another port: reads inside [addr, addr+len) come from `bytes`, others go below
 * (below may be NULL: then they fail with -EFAULT).  Borrows everything; lives on the caller's stack. */
struct hd_mem_layer {
	struct hd_mem mem; /* first: pass &layer.mem */
	struct hd_mem *below;
	uint64_t addr;
	const void *bytes;
	size_t len;
};
void hd_mem_layer_init(struct hd_mem_layer *layer, struct hd_mem *below, uint64_t addr, const void *bytes, size_t len);

#endif
