#include <criterion/criterion.h>

#include "../lib/lock_bench.h"

#define OBJ (BENCH_DATA + 0x1000)
#define TCB (BENCH_DATA + 0x4000)

static const struct {
	enum hd_lock_layout layout;
	uint32_t words[7];
	enum hd_tri held;
	int32_t owner;
} rows[] = {
	{HD_LAYOUT_GLIBC_MUTEX, {1, 0, 42, 1, 0}, HD_YES, 42},
	{HD_LAYOUT_GLIBC_MUTEX, {0, 0, 0, 0, 0}, HD_NO, 0},
	{HD_LAYOUT_GLIBC_MUTEX, {1, 0, 0, 0, 0}, HD_YES, 0},
	{HD_LAYOUT_GLIBC_MUTEX, {0xdead, 0, 42, 1, 0}, HD_UNKNOWN, 0},
	{HD_LAYOUT_GLIBC_RWLOCK, {3, 0, 1, 1, 0, 0, 42}, HD_YES, 42},
	{HD_LAYOUT_GLIBC_RWLOCK, {0x10, 0, 0, 0, 0, 0, 0}, HD_YES, 0},
	{HD_LAYOUT_GLIBC_RWLOCK, {0, 0, 0, 0, 0, 0, 0}, HD_NO, 0},
	{HD_LAYOUT_GLIBC_SEM, {0, 0, 0}, HD_YES, 0},
	{HD_LAYOUT_GLIBC_SEM, {1, 0, 0}, HD_NO, 0},
	{HD_LAYOUT_ONCE, {4 + 1}, HD_YES, 0},
	{HD_LAYOUT_ONCE, {4 + 2}, HD_NO, 0},
	{HD_LAYOUT_CXX_GUARD, {0x100}, HD_YES, 0},
	{HD_LAYOUT_CXX_GUARD, {1}, HD_NO, 0},
	{HD_LAYOUT_WORD, {1}, HD_YES, 0},
	{HD_LAYOUT_WORD, {0}, HD_NO, 0},
	{HD_LAYOUT_BYTE, {0x101}, HD_YES, 0},
	{HD_LAYOUT_BYTE, {0x100}, HD_NO, 0},
	{HD_LAYOUT_PI_WORD, {42}, HD_YES, 42},
	{HD_LAYOUT_MUSL_MUTEX, {0, 0x10}, HD_YES, 0},
	{HD_LAYOUT_MUSL_MUTEX, {1, 42}, HD_YES, 42},
	{HD_LAYOUT_MUSL_MUTEX, {1, 0}, HD_NO, 0},
	{HD_LAYOUT_MUSL_RWLOCK, {0x7fffffff}, HD_YES, 0},
	{HD_LAYOUT_MUSL_SEM, {0xffffffff}, HD_YES, 0},
	{HD_LAYOUT_MUSL_SEM, {2}, HD_NO, 0},
	{HD_LAYOUT_MUSL_STDIO, {42}, HD_YES, 42},
	{HD_LAYOUT_RUST_RWLOCK, {0x3fffffff}, HD_YES, 0},
	{HD_LAYOUT_RUST_RWLOCK, {0x40000000}, HD_NO, 0},
	{HD_LAYOUT_ABSL_MUTEX, {8, 0}, HD_YES, 0},
	{HD_LAYOUT_ABSL_MUTEX, {0, 0}, HD_NO, 0},
	{HD_LAYOUT_NONE, {1}, HD_UNKNOWN, 0},
	{HD_LAYOUT_RUST_ONCE, {3}, HD_UNKNOWN, 0},
};

Test(lock_held, every_layout_is_read_again_without_a_waiter, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(rows); i++) {
		struct bench *b = bench_new();
		struct hd_lock lock = {.base = OBJ, .layout = rows[i].layout};
		int32_t owner = 0;
		bench_words(b, OBJ, rows[i].words, 7);
		cr_expect_eq(hd_lock_is_held(&b->mem, &lock, &owner), rows[i].held, "row %zu", i);
		cr_expect_eq(owner, rows[i].owner, "row %zu: %d", i, owner);
		bench_free(b);
	}
}

Test(lock_held, a_stream_at_the_birth_of_a_child_still_names_its_owner, .timeout = 10)
{
	struct bench *b = bench_new();
	struct hd_lock lock = {.base = OBJ, .layout = HD_LAYOUT_GLIBC_STDIO};
	int32_t owner = 0;
	bench_tcb(b, TCB, 42);
	BENCH_WORDS(b, OBJ, 1, 1);
	bench_put64(b, OBJ + 8, TCB);
	cr_expect_eq(hd_lock_is_held(&b->mem, &lock, &owner), HD_YES);
	cr_expect_eq(owner, 42);
	bench_free(b);
}

Test(lock_held, unreadable_or_unknown_places_are_unknown_and_leave_the_owner_alone, .timeout = 10)
{
	struct bench *b = bench_new();
	int32_t owner = 7;
	struct hd_lock lock = {.base = 0x10, .layout = HD_LAYOUT_WORD};
	cr_expect_eq(hd_lock_is_held(&b->mem, &lock, &owner), HD_UNKNOWN);
	lock.base = 0;
	cr_expect_eq(hd_lock_is_held(&b->mem, &lock, &owner), HD_UNKNOWN);
	lock = (struct hd_lock){.base = OBJ, .layout = 200};
	bench_put32(b, OBJ, 1);
	cr_expect_eq(hd_lock_is_held(&b->mem, &lock, &owner), HD_UNKNOWN, "a layout that does not exist");
	cr_expect_eq(owner, 7);
	bench_free(b);
}
