#include <string.h>

#include "parse/py_reader.h"

#define PAGE ((uint64_t)sizeof(((struct hd_py_page *)NULL)->bytes))

void hd_py_begin(struct hd_python *py, struct hd_mem *mem, struct hd_arena *arena)
{
	py->mem = mem;
	py->arena = arena;
	py->session = ++py->cache->session;
}

static const struct hd_py_page *page_get(struct hd_python *py, uint64_t addr)
{
	struct hd_py_page *page = &py->cache->pages[(addr / PAGE) % HD_PY_PAGES];
	if (page->session == py->session && page->addr == addr)
		return page;
	page->session = 0;
	if (hd_mem_read(py->mem, addr, page->bytes, PAGE) < 0)
		return NULL;
	page->addr = addr;
	page->session = py->session;
	return page;
}

bool hd_py_read(struct hd_python *py, uint64_t addr, void *buf, size_t len)
{
	char *out = buf;
	if (addr < PAGE || addr + len < addr)
		return false;
	while (len > 0) {
		uint64_t in = addr % PAGE;
		size_t step = PAGE - in < len ? (size_t)(PAGE - in) : len;
		const struct hd_py_page *page = page_get(py, addr - in);
		if (page != NULL)
			memcpy(out, page->bytes + in, step);
		else if (hd_mem_read(py->mem, addr, out, step) < 0) /* recorded memory may hold less than a page */
			return false;
		addr += step;
		out += step;
		len -= step;
	}
	return true;
}

bool hd_py_u64(struct hd_python *py, uint64_t addr, uint64_t *ret)
{
	return hd_py_read(py, addr, ret, sizeof(*ret));
}

bool hd_py_i32(struct hd_python *py, uint64_t addr, int32_t *ret)
{
	return hd_py_read(py, addr, ret, sizeof(*ret));
}

bool hd_py_u8(struct hd_python *py, uint64_t addr, uint8_t *ret)
{
	return hd_py_read(py, addr, ret, sizeof(*ret));
}
