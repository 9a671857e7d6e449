#include "parse/tcb.h"

#include <string.h>

#include "hangdog/vec.h"

#define LIST_OFFSET 704u
#define TID_OFFSET 720u
#define ALIGN 64u        /* TLS_TCB_ALIGN */
#define SEARCH 8192u     /* struct pthread is below 2.5 KiB; rounding adds a little */
#define SMALL_MAP 65536u /* searched whole: the loader keeps the main thread's block in one */
#define CHUNK 16384u /* read at a time; a multiple of ALIGN */
#define ABOVE_MAX (UINT64_C(1) << 20)
#define TCBS_MAX 16384u

struct finder {
	struct hd_mem *mem;
	HD_VEC(struct hd_tcb) at;
};

bool hd_tcb_read(struct hd_mem *mem, uint64_t addr, int32_t *ret_tid)
{
	uint64_t head[3];
	int32_t tid;
	if (addr % ALIGN != 0 || hd_mem_read(mem, addr, head, sizeof(head)) < 0 || head[0] != addr || head[2] != addr ||
	    hd_mem_i32(mem, addr + TID_OFFSET, &tid) < 0)
		return false;
	*ret_tid = tid;
	return true;
}

static bool may_hold(const struct hd_map *map)
{
	return map->writable && map->readable && !map->shared && map->ino == 0 &&
	       (map->path[0] == '\0' || strncmp(map->path, "[anon", 5) == 0 || strncmp(map->path, "[stack:", 7) == 0);
}

/* The topmost block of a mapping, in its last bytes. */
static void find_at_end(struct finder *f, const struct hd_map *map)
{
	uint8_t bytes[SMALL_MAP];
	uint64_t size = map->end - map->start, want = size <= SMALL_MAP ? size : SEARCH, from = map->end - want;
	if (hd_mem_read(f->mem, from, bytes, want) < 0 || want < TID_OFFSET + 4)
		return;
	for (uint64_t addr = (map->end - TID_OFFSET - 4) & ~(uint64_t)(ALIGN - 1); addr >= from; addr -= ALIGN) {
		uint64_t head[3];
		int32_t tid;
		memcpy(head, bytes + (addr - from), sizeof(head));
		if (head[0] != addr || head[2] != addr)
			continue;
		memcpy(&tid, bytes + (addr - from) + TID_OFFSET, sizeof(tid));
		HD_VEC_PUSH(&f->at, (struct hd_tcb){.addr = addr, .low = map->start, .tid = tid});
		return;
	}
}

bool hd_tcb_above(struct hd_mem *mem, const struct hd_maps *maps, uint64_t addr, struct hd_tcb *ret)
{
	uint64_t words[CHUNK / sizeof(uint64_t)];
	const struct hd_map *map = hd_maps_find(maps, addr);
	if (map == NULL || !map->writable || map->shared || map->ino != 0)
		return false;
	uint64_t from = addr & ~(uint64_t)(ALIGN - 1), end = map->end - from < ABOVE_MAX ? map->end : from + ABOVE_MAX;
	for (; from < end; from += CHUNK) {
		uint64_t n = end - from < CHUNK ? end - from : CHUNK;
		if (hd_mem_read(mem, from, words, n) < 0)
			return false;
		for (uint64_t at = 0; at < n; at += ALIGN) {
			int32_t tid;
			if (from + at <= addr || words[at / sizeof(*words)] != from + at || !hd_tcb_read(mem, from + at, &tid))
				continue;
			*ret = (struct hd_tcb){.addr = from + at, .low = map->start, .tid = tid};
			return true;
		}
	}
	return false;
}

static int by_addr(const void *a, const void *b)
{
	const struct hd_tcb *x = a, *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Follows the circle that a block is on.  `visited` has a mark for each of the first n_known, which are sorted. */
static void follow_list(struct finder *f, size_t from, uint8_t *visited, size_t n_known, const struct hd_maps *maps)
{
	uint64_t first = f->at.at[from].addr + LIST_OFFSET, node = first;
	for (uint32_t steps = 0; steps < TCBS_MAX && f->at.n < TCBS_MAX; steps++) {
		struct hd_tcb tcb = {.addr = node - LIST_OFFSET};
		const struct hd_tcb *known = bsearch(&tcb, f->at.at, n_known, sizeof(tcb), by_addr);
		const struct hd_map *map = hd_maps_find(maps, tcb.addr);
		if (known != NULL) {
			visited[known - f->at.at] = 1;
		} else if (map != NULL && may_hold(map) && hd_tcb_read(f->mem, tcb.addr, &tcb.tid)) {
			tcb.low = map->start;
			HD_VEC_PUSH(&f->at, tcb);
		} /* else: the head of the list, inside the loader */
		if (hd_mem_u64(f->mem, node, &node) < 0 || node == first)
			return;
	}
}

static void sort_unique(struct finder *f)
{
	size_t n = 0;
	qsort(f->at.at, f->at.n, sizeof(*f->at.at), by_addr);
	for (size_t i = 0; i < f->at.n; i++) {
		struct hd_tcb tcb = f->at.at[i];
		if (n > 0 && f->at.at[n - 1].addr == tcb.addr)
			continue;
		/* Two stacks in one mapping: the upper one begins where the lower one's block ends. */
		if (n > 0 && f->at.at[n - 1].addr >= tcb.low)
			tcb.low = f->at.at[n - 1].addr + TID_OFFSET;
		f->at.at[n++] = tcb;
	}
	f->at.n = n;
}

struct hd_tcbs hd_tcbs_find(struct hd_mem *mem, const struct hd_maps *maps, uint32_t expect, struct hd_arena *arena)
{
	struct finder f = {.mem = mem};
	for (size_t i = 0; i < maps->n && f.at.n < TCBS_MAX; i++)
		if (may_hold(&maps->at[i]))
			find_at_end(&f, &maps->at[i]);
	/* Guard pages that are no mapping of their own (glibc 2.42 on Linux 6.13) hide all but one stack of a mapping. */
	size_t n_known = f.at.n;
	if (n_known > 0 && n_known < expect) {
		uint8_t *visited = hd_arena_alloc(arena, n_known, 1);
		for (size_t i = 0; i < n_known; i++)
			if (!visited[i])
				follow_list(&f, i, visited, n_known, maps);
		sort_unique(&f);
	}
	struct hd_tcbs ret = {.n = (uint32_t)f.at.n};
	ret.at = f.at.n != 0 ? hd_arena_dup(arena, f.at.at, f.at.n * sizeof(*f.at.at)) : NULL;
	HD_VEC_RELEASE(&f.at);
	return ret;
}
