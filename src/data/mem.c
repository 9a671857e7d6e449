#include "hangdog/mem.h"

#include <errno.h>
#include <string.h>

int hd_mem_u8(struct hd_mem *mem, uint64_t addr, uint8_t *ret)
{
	return mem->read(mem, addr, ret, sizeof(*ret));
}

int hd_mem_u32(struct hd_mem *mem, uint64_t addr, uint32_t *ret)
{
	return mem->read(mem, addr, ret, sizeof(*ret));
}

int hd_mem_i32(struct hd_mem *mem, uint64_t addr, int32_t *ret)
{
	return mem->read(mem, addr, ret, sizeof(*ret));
}

int hd_mem_u64(struct hd_mem *mem, uint64_t addr, uint64_t *ret)
{
	return mem->read(mem, addr, ret, sizeof(*ret));
}

int hd_mem_cstr(struct hd_mem *mem, uint64_t addr, char *ret, size_t cap)
{
	size_t len = 0;
	HD_ASSERT(cap > 0);
	while (len < cap - 1) {
		/* Never read past the page that holds the next byte: what lies behind the text may not be mapped. */
		size_t step = 64 - ((addr + len) & 63);
		if (step > cap - 1 - len)
			step = cap - 1 - len;
		int r = mem->read(mem, addr + len, ret + len, step);
		if (r < 0)
			return r;
		if (memchr(ret + len, '\0', step) != NULL)
			return 0;
		len += step;
	}
	ret[len] = '\0';
	return 0;
}

static int layer_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	struct hd_mem_layer *layer = (struct hd_mem_layer *)mem;
	uint64_t end = layer->addr + layer->len;
	if (addr >= layer->addr && addr < end && len <= end - addr) {
		memcpy(buf, (const char *)layer->bytes + (addr - layer->addr), len);
		return 0;
	}
	if (layer->below == NULL)
		return -EFAULT;
	int r = layer->below->read(layer->below, addr, buf, len);
	if (r < 0)
		return r;
	/* A read that only touches the captured range: the captured bytes win where they overlap. */
	uint64_t from = addr > layer->addr ? addr : layer->addr;
	uint64_t to = addr + len < end ? addr + len : end;
	if (from < to)
		memcpy((char *)buf + (from - addr), (const char *)layer->bytes + (from - layer->addr), to - from);
	return 0;
}

void hd_mem_layer_init(struct hd_mem_layer *layer, struct hd_mem *below, uint64_t addr, const void *bytes, size_t len)
{
	*layer = (struct hd_mem_layer){.mem.read = layer_read, .below = below, .addr = addr, .bytes = bytes, .len = len};
}
