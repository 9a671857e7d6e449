#include <criterion/criterion.h>
#include <string.h>

#include "hangdog/copy.h"
#include "hangdog/forkev.h"

Test(copy, a_stack_outlives_the_arena_it_came_from, .timeout = 10)
{
	struct hd_arena *from = hd_arena_new(), *to = hd_arena_new();
	const char **locals = HD_NEW_N(from, 3, const char *);
	locals[0] = hd_arena_str(from, "x=1");
	locals[1] = hd_arena_str(from, "y=2");
	struct hd_stack stack = {.at = HD_NEW_N(from, 2, struct hd_frame), .n = 2, .is_complete = true};
	stack.at[0] = (struct hd_frame){.kind = HD_FRAME_PYTHON, .function = hd_arena_str(from, "work"), .line = 7, .locals = locals};
	stack.at[1] = (struct hd_frame){.symbol = hd_arena_str(from, "start"), .pc = 42};
	struct hd_stack copy = hd_stack_copy(&stack, to);
	hd_arena_free(from);
	cr_assert_eq(copy.n, 2);
	cr_assert(copy.is_complete);
	cr_assert_str_eq(copy.at[0].function, "work");
	cr_assert_eq(copy.at[0].line, 7);
	cr_assert_str_eq(copy.at[0].locals[1], "y=2");
	cr_assert_null(copy.at[0].locals[2]);
	cr_assert_null(copy.at[0].module);
	cr_assert_str_eq(copy.at[1].symbol, "start");
	cr_assert_null(copy.at[1].locals);
	hd_arena_free(to);
}

Test(copy, a_fork_record_is_copied_with_what_is_left_to_resolve, .timeout = 10)
{
	struct hd_arena *from = hd_arena_new(), *to = hd_arena_new();
	struct hd_fork_raw *raw = HD_NEW(from, struct hd_fork_raw);
	raw->stack = hd_arena_dup(from, "abcd", 4);
	raw->stack_len = 4;
	raw->others = HD_NEW_N(from, 1, struct hd_fork_raw_other);
	raw->others[0].regs.sp = 99;
	struct hd_fork *fork = HD_NEW(from, struct hd_fork);
	*fork = (struct hd_fork){.is_seen = true, .parent_pid = 5, .n_others = 1, .raw = raw};
	fork->others = HD_NEW_N(from, 1, struct hd_fork_other);
	fork->others[0] = (struct hd_fork_other){.tid = 6, .name = hd_arena_str(from, "pool")};
	struct hd_fork *copy = hd_fork_copy(fork, to);
	hd_arena_free(from);
	cr_assert_eq(copy->parent_pid, 5);
	cr_assert_str_eq(copy->others[0].name, "pool");
	cr_assert_eq(memcmp(copy->raw->stack, "abcd", 4), 0);
	cr_assert_eq(copy->raw->others[0].regs.sp, 99);
	cr_assert_null(hd_fork_copy(NULL, to));
	hd_arena_free(to);
}
