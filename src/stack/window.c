/* The target's stack: bytes that were captured, and a few pages read once each; for a walk makes hundreds of small reads
 * that lie close together. */
#include <string.h>

#include "stack/walk.h"

#define PAGE 4096u
#define PAGES 8u

struct hd_window {
	struct hd_mem mem; /* first */
	struct hd_mem_layer captured;
	struct hd_mem *below;
	uint64_t addr[PAGES]; /* UINT64_MAX = empty */
	uint8_t bytes[PAGES][PAGE];
};

static int window_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	struct hd_window *w = (struct hd_window *)mem;
	uint64_t at = addr % PAGE, page = addr - at, in = addr - w->captured.addr;
	if (in < w->captured.len && len <= w->captured.len - in) {
		memcpy(buf, (const uint8_t *)w->captured.bytes + in, len);
		return 0;
	}
	if (len > PAGE - at)
		return w->below->read(w->below, addr, buf, len);
	uint32_t slot = (uint32_t)(page / PAGE) % PAGES;
	if (w->addr[slot] != page) {
		w->addr[slot] = UINT64_MAX;
		/* Part of the page may be missing (captured bytes): then the small read decides. */
		if (w->below->read(w->below, page, w->bytes[slot], PAGE) < 0)
			return w->below->read(w->below, addr, buf, len);
		w->addr[slot] = page;
	}
	memcpy(buf, w->bytes[slot] + at, len);
	return 0;
}

struct hd_window *hd_window_new(void)
{
	struct hd_window *w = malloc(sizeof(*w));
	if (w == NULL)
		abort();
	memset(w->addr, 0xff, sizeof(w->addr));
	return w;
}

void hd_window_free(struct hd_window *w)
{
	free(w);
}

struct hd_mem *hd_window_over(struct hd_window *w, const struct hd_unwind_query *query)
{
	w->mem.read = window_read;
	hd_mem_layer_init(&w->captured, query->mem, query->stack_addr, query->stack, query->stack_len);
	w->below = query->stack_len != 0 ? &w->captured.mem : query->mem;
	memset(w->addr, 0xff, sizeof(w->addr));
	return &w->mem;
}
