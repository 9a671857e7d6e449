/* Stacks of threads that a fork did not copy, out of the child's memory (reference: locks.md section 7.2).
 *
 * Nothing says where such a thread stood unless it was sampled at the fork.  But its stack is intact until the child makes
 * threads of its own, so: take each return address from the bottom up, and believe the first from which the tables lead
 * all the way to the thread's start while every direct call names the function that it is in.  Stale leftovers of
 * earlier, deeper calls fail that test at the place where newer frames overwrote them. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "stack/image.h"
#include "stack/unwinder.h"

#define PAGE 4096u
#define SCAN_MAX ((uint64_t)8 << 20)
#define UNKNOWN_PAGES_MAX ((uint64_t)256 << 10) /* without pagemap: only the top of the stack is read */
#define TRIES_MAX 2000u
#define PAGEMAP_STEP 512u

/* Lowest page of [low, high) that was ever touched: /proc/PID/pagemap, bit 63 present, bit 62 swapped (Documentation/
 * admin-guide/mm/pagemap.rst; readable without privilege, only the frame numbers are hidden). */
static uint64_t lowest_touched(int32_t pid, uint64_t low, uint64_t high)
{
	uint64_t entries[PAGEMAP_STEP];
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	HD_CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (uint64_t page = low; fd >= 0 && page < high; page += (uint64_t)PAGEMAP_STEP * PAGE) {
		uint64_t n = (high - page + PAGE - 1) / PAGE;
		if (n > PAGEMAP_STEP)
			n = PAGEMAP_STEP;
		ssize_t got = pread(fd, entries, n * sizeof(*entries), (off_t)(page / PAGE * sizeof(*entries)));
		if (got < (ssize_t)sizeof(*entries))
			break;
		for (size_t i = 0; i < (size_t)got / sizeof(*entries); i++)
			if (entries[i] >> 62 != 0)
				return page + i * PAGE;
		if (page + (uint64_t)got / sizeof(*entries) * PAGE >= high)
			return high;
	}
	return high - low > UNKNOWN_PAGES_MAX ? high - UNKNOWN_PAGES_MAX : low;
}

/* The C library and the loader: there tail calls are common, and local stale frames harm nobody's understanding. */
static bool is_runtime(const struct hd_walk_frame *frame)
{
	static const char *const names[] = {"libc.so", "libc-2.", "ld-linux", "libpthread", "ld-2."};
	const char *path = frame->module.image != NULL ? frame->module.image->path : "";
	return hd_begins_with_any(hd_path_base(path), names, HD_COUNTOF(names));
}

/* May the frame below `frame` have been called from it?  Where the program calls the C library, only a call that names the
 * very function counts: leftovers of an earlier library call in the same place differ in nothing else. */
static bool link_is_believable(const struct hd_walk_frame *callee, const struct hd_walk_frame *frame)
{
	if (callee->is_signal || (is_runtime(callee) && is_runtime(frame)))
		return true;
	if (is_runtime(callee))
		return frame->link == HD_LINK_MATCH;
	return frame->link == HD_LINK_MATCH || frame->link == HD_LINK_UNKNOWN;
}

/* Complete, with at least one frame of the program's own, and no call that contradicts the frame below it. */
static bool is_believable(const struct hd_walk *walk)
{
	bool own = false;
	for (uint32_t i = 0; i < walk->n; i++) {
		own |= !is_runtime(&walk->frames[i]);
		if (i > 0 && !link_is_believable(&walk->frames[i - 1], &walk->frames[i]))
			return false;
	}
	return own && walk->is_complete;
}

/* Is the word at slot a return address?  Sets up the walk of the frame that it returns to. */
static bool start_at(struct hd_walk *walk, uint64_t slot, uint64_t value)
{
	struct hd_module module;
	if (value < PAGE || !hd_walk_is_code(walk, value - 1) || hd_walk_callsite(walk, value, &module).form == HD_CALL_NONE ||
	    module.image == NULL)
		return false;
	walk->regs = (struct hd_registers){.known = 1u << HD_REG_RSP | 1u << HD_REG_RIP};
	walk->regs.at[HD_REG_RSP] = slot + 8;
	walk->regs.at[HD_REG_RIP] = value;
	return true;
}

static bool scan(struct hd_walk *walk, uint64_t low, uint64_t high)
{
	uint64_t words[PAGE / 8];
	uint32_t tries = 0;
	for (uint64_t page = low & ~(uint64_t)(PAGE - 1); page < high; page += PAGE) {
		if (hd_mem_read(walk->query->mem, page, words, sizeof(words)) < 0)
			continue;
		for (size_t i = 0; i < HD_COUNTOF(words) && page + i * 8 < high; i++) {
			if (words[i] < PAGE || !start_at(walk, page + i * 8, words[i]))
				continue;
			if (++tries > TRIES_MAX)
				return false;
			walk->starts_after_call = true;
			hd_walk_run(walk);
			if (is_believable(walk))
				return true;
		}
	}
	return false;
}

/* A scan finds where the innermost calls left traces; what is libc's own at that end may be older than the fork. */
static void mark_leaf(struct hd_walk *walk)
{
	for (uint32_t i = 0; i < walk->n && is_runtime(&walk->frames[i]); i++)
		walk->frames[i].is_guess = true;
}

void hd_unwind_dead(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, uint64_t tcb, struct hd_arena *arena,
		    struct hd_stack *ret)
{
	struct hd_unwind_query dead = *query;
	const struct hd_map *map = hd_maps_find(query->maps, tcb != 0 ? tcb - 1 : query->regs.sp);
	if (dead.stack_end == 0)
		dead.stack_end = tcb;
	struct hd_walk walk = hd_unwind_walk(unwinder, &dead);
	if (query->regs.sp != 0) {
		hd_walk_run(&walk);
	} else if (map != NULL && tcb != 0) {
		uint64_t low = tcb - map->start > SCAN_MAX ? tcb - SCAN_MAX : map->start;
		if (scan(&walk, lowest_touched(query->pid, low, tcb), tcb))
			mark_leaf(&walk);
		else
			walk.n = 0;
	}
	hd_unwind_name(unwinder, &walk, 0, arena, ret);
}
