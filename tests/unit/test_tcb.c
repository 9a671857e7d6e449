/* Thread control blocks in made-up memory: found by what glibc guarantees, and by nothing less. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "parse/tcb.h"

#define BASE UINT64_C(0x7f0000000000)
#define SIZE 0x40000u

struct ram {
	struct hd_mem mem;
	uint8_t bytes[SIZE];
};

static struct ram ram;

static int ram_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	const struct ram *r = (const struct ram *)mem;
	if (addr < BASE || addr - BASE > SIZE || len > SIZE - (addr - BASE))
		return -EFAULT;
	memcpy(buf, r->bytes + (addr - BASE), len);
	return 0;
}

static void put64(uint64_t addr, uint64_t value)
{
	memcpy(ram.bytes + (addr - BASE), &value, sizeof(value));
}

static void put_tcb(uint64_t addr, int32_t tid, uint64_t next)
{
	put64(addr, addr);
	put64(addr + 16, addr);
	put64(addr + 704, next);
	memcpy(ram.bytes + (addr - BASE) + 720, &tid, sizeof(tid));
}

static struct hd_maps one_map(struct hd_map *map, uint64_t start, uint64_t end)
{
	*map = (struct hd_map){.start = start, .end = end, .readable = true, .writable = true, .path = ""};
	return (struct hd_maps){.at = map, .n = 1};
}

static void fresh(void)
{
	memset(&ram, 0, sizeof(ram));
	ram.mem.read = ram_read;
}

Test(tcb, is_found_at_the_end_of_its_stack, .init = fresh, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_map map;
	struct hd_maps maps = one_map(&map, BASE, BASE + 0x20000);
	put_tcb(BASE + 0x1f6c0, 4711, 0);
	struct hd_tcbs found = hd_tcbs_find(&ram.mem, &maps, 1, arena);
	cr_assert_eq(found.n, 1);
	cr_expect_eq(found.at[0].addr, BASE + 0x1f6c0);
	cr_expect_eq(found.at[0].low, BASE);
	cr_expect_eq(found.at[0].tid, 4711);
	hd_arena_free(arena);
}

Test(tcb, needs_both_pointers_to_itself_and_its_alignment, .init = fresh, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_map map;
	struct hd_maps maps = one_map(&map, BASE, BASE + 0x20000);
	put_tcb(BASE + 0x1f6c0, 4711, 0);
	put64(BASE + 0x1f6c0 + 16, 0);
	put_tcb(BASE + 0x1e608, 4712, 0); /* not a multiple of 64 */
	cr_expect_eq(hd_tcbs_find(&ram.mem, &maps, 1, arena).n, 0);
	map.shared = true;
	put_tcb(BASE + 0x1f6c0, 4711, 0);
	cr_expect_eq(hd_tcbs_find(&ram.mem, &maps, 1, arena).n, 0, "shared memory holds no stacks");
	hd_arena_free(arena);
}

Test(tcb, those_that_share_a_mapping_are_found_by_their_list, .init = fresh, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_map map;
	struct hd_maps maps = one_map(&map, BASE, BASE + 0x30000);
	uint64_t a = BASE + 0xf6c0, b = BASE + 0x1f6c0, c = BASE + 0x2f6c0, head = BASE + 0x100;
	put_tcb(c, 3, b + 704);
	put_tcb(b, 2, head);
	put64(head, a + 704); /* the list's head is no block */
	put_tcb(a, 1, c + 704);
	struct hd_tcbs found = hd_tcbs_find(&ram.mem, &maps, 3, arena);
	cr_assert_eq(found.n, 3);
	cr_expect(found.at[0].addr == a && found.at[1].addr == b && found.at[2].addr == c);
	cr_expect(found.at[0].tid == 1 && found.at[1].tid == 2 && found.at[2].tid == 3);
	cr_expect_geq(found.at[1].low, a, "its stack ends where the next one begins");
	cr_expect_eq(hd_tcbs_find(&ram.mem, &maps, 1, arena).n, 1, "no list is followed when enough were found");
	hd_arena_free(arena);
}

Test(tcb, a_list_that_runs_in_circles_or_nowhere_ends, .init = fresh, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_map map;
	struct hd_maps maps = one_map(&map, BASE, BASE + 0x30000);
	uint64_t b = BASE + 0x1f6c0, c = BASE + 0x2f6c0;
	put_tcb(c, 3, b + 704);
	put_tcb(b, 2, b + 704); /* never comes back to where it was entered */
	cr_expect_eq(hd_tcbs_find(&ram.mem, &maps, 9, arena).n, 2);
	put_tcb(b, 2, UINT64_C(0xdeadbeef00000008));
	cr_expect_eq(hd_tcbs_find(&ram.mem, &maps, 9, arena).n, 2);
	hd_arena_free(arena);
}

Test(tcb, the_next_one_above_is_found_far_from_the_end_of_its_mapping, .init = fresh, .timeout = 10)
{
	struct hd_map map;
	struct hd_tcb got = {0};
	struct hd_maps maps = one_map(&map, BASE, BASE + SIZE);
	put_tcb(BASE + 0x106c0, 4711, 0);
	put_tcb(BASE + 0x206c0, 4712, 0);
	cr_assert(hd_tcb_above(&ram.mem, &maps, BASE + 8, &got));
	cr_expect(got.addr == BASE + 0x106c0 && got.tid == 4711 && got.low == BASE);
	cr_assert(hd_tcb_above(&ram.mem, &maps, BASE + 0x106b8, &got));
	cr_expect_eq(got.tid, 4711);
	cr_assert(hd_tcb_above(&ram.mem, &maps, BASE + 0x106c0, &got), "not itself, but the next");
	cr_expect_eq(got.tid, 4712);
	cr_expect_not(hd_tcb_above(&ram.mem, &maps, BASE + 0x206c0, &got));
	put64(BASE + 0x206c0 + 16, 1); /* half a block is none */
	cr_expect_not(hd_tcb_above(&ram.mem, &maps, BASE + 0x106c0, &got));
}

Test(tcb, none_is_looked_for_where_none_can_be, .init = fresh, .timeout = 10)
{
	struct hd_map map;
	struct hd_tcb got;
	struct hd_maps maps = one_map(&map, BASE, BASE + 0x10000);
	put_tcb(BASE + 0x106c0, 4711, 0);
	cr_expect_not(hd_tcb_above(&ram.mem, &maps, BASE + 8, &got), "it is behind the mapping");
	maps = one_map(&map, BASE, BASE + SIZE + 0x10000);
	put64(BASE + 0x106c0, 0);
	cr_expect_not(hd_tcb_above(&ram.mem, &maps, BASE + 8, &got), "the end cannot be read");
	put_tcb(BASE + 0x106c0, 4711, 0);
	map.shared = true;
	cr_expect_not(hd_tcb_above(&ram.mem, &maps, BASE + 8, &got));
	cr_expect_not(hd_tcb_above(&ram.mem, &maps, BASE - 8, &got));
}
