#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "hangdog/mem.h"

static struct hd_mem_layer layer(struct hd_mem *below, uint64_t addr, const void *bytes, size_t len)
{
	struct hd_mem_layer l;
	hd_mem_layer_init(&l, below, addr, bytes, len);
	return l;
}

Test(mem, a_layer_gives_its_bytes_and_nothing_beyond, .timeout = 10)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct hd_mem_layer l = layer(NULL, 0x1000, bytes, sizeof(bytes));
	uint64_t u64;
	uint32_t u32;
	uint8_t u8;
	cr_assert_eq(hd_mem_u64(&l.mem, 0x1000, &u64), 0);
	cr_assert_eq(u64, 0x0807060504030201);
	cr_assert_eq(hd_mem_u8(&l.mem, 0x1008, &u8), 0);
	cr_assert_eq(u8, 9);
	cr_assert_eq(hd_mem_u32(&l.mem, 0x1006, &u32), -EFAULT, "half outside");
	cr_assert_eq(hd_mem_u8(&l.mem, 0x1009, &u8), -EFAULT);
	cr_assert_eq(hd_mem_u8(&l.mem, 0xfff, &u8), -EFAULT);
	cr_assert_eq(hd_mem_u64(&l.mem, UINT64_MAX - 3, &u64), -EFAULT);
}

Test(mem, captured_bytes_win_over_what_lies_below, .timeout = 10)
{
	static const char old[] = "aaaaaaaa", new[] = "bb";
	struct hd_mem_layer below = layer(NULL, 0x2000, old, 8), above = layer(&below.mem, 0x2003, new, 2);
	char got[9] = "";
	cr_assert_eq(hd_mem_read(&above.mem, 0x2000, got, 8), 0);
	cr_assert_str_eq(got, "aaabbaaa");
}

Test(mem, a_text_is_cut_at_its_room_and_ends, .timeout = 10)
{
	char bytes[256], got[16];
	memset(bytes, 'x', sizeof(bytes));
	struct hd_mem_layer l = layer(NULL, 0x4000, bytes, sizeof(bytes));
	cr_assert_eq(hd_mem_cstr(&l.mem, 0x4010, got, sizeof(got)), 0);
	cr_assert_str_eq(got, "xxxxxxxxxxxxxxx");
	memcpy(bytes + 60, "end", 4);
	cr_assert_eq(hd_mem_cstr(&l.mem, 0x4000 + 60, got, sizeof(got)), 0);
	cr_assert_str_eq(got, "end");
	cr_assert_eq(hd_mem_cstr(&l.mem, 0x5000, got, sizeof(got)), -EFAULT);
}
