#include <criterion/criterion.h>

#include "parse/py_ops.h"

/* 3.8: LOAD_GLOBAL lock (name 0), LOAD_METHOD acquire (1), CALL_METHOD, POP_TOP, LOAD_GLOBAL work (2), CALL_FUNCTION,
 * POP_TOP, LOAD_GLOBAL lock, LOAD_METHOD release (3), CALL_METHOD, POP_TOP, LOAD_GLOBAL work, CALL_FUNCTION. */
static const uint8_t old_code[] = {116, 0, 160, 1, 161, 0, 1, 0, 116, 2, 131, 0, 1, 0, 116, 0, 160, 3, 161, 0, 1, 0, 116, 2, 131, 0};

Test(py_ops, between_acquire_and_release_one_is_open, .timeout = 10)
{
	struct hd_py_acquires at_work = hd_py_acquires_count(8, old_code, 10, 1, 3, NULL);
	cr_expect_eq(at_work.open, 1u);
	cr_expect_not(at_work.is_in_progress);
	cr_expect_eq(hd_py_acquires_count(8, old_code, 24, 1, 3, NULL).open, 0u, "released");
	cr_expect_eq(hd_py_acquires_count(8, old_code, 24, 1, UINT32_MAX, NULL).open, 1u, "never released");
}

Test(py_ops, the_acquire_that_is_being_called_is_told, .timeout = 10)
{
	struct hd_py_acquires waiting = hd_py_acquires_count(8, old_code, 4, 1, 3, NULL);
	cr_expect_eq(waiting.open, 1u);
	cr_expect(waiting.is_in_progress);
	cr_expect_eq(hd_py_acquires_count(8, old_code, 2, 1, 3, NULL).open, 0u, "not there yet");
}

Test(py_ops, specialised_loads_and_large_indexes_are_known, .timeout = 10)
{
	/* 3.13: EXTENDED_ARG 2, LOAD_ATTR_METHOD_NO_DICT 88: name (2 << 8 | 88) >> 1 = 300. */
	static const uint8_t code[] = {71, 2, 195, 88};
	cr_expect_eq(hd_py_acquires_count(13, code, sizeof(code), 300, UINT32_MAX, NULL).open, 1u);
	cr_expect_eq(hd_py_acquires_count(13, code, sizeof(code), 44, UINT32_MAX, NULL).open, 0u);
	cr_expect_eq(hd_py_acquires_count(16, code, sizeof(code), 300, UINT32_MAX, NULL).open, 0u, "a version that is not known");
}

Test(py_ops, a_release_within_a_block_gives_its_lock_back, .timeout = 10)
{
	/* 3.11: BEFORE_WITH, LOAD_ATTR release (1), BEFORE_WITH, LOAD_ATTR acquire (0). */
	static const uint8_t code[] = {53, 0, 106, 1, 53, 0, 106, 0};
	struct hd_py_acquires let_go = hd_py_acquires_count(11, code, 4, 0, 1, NULL), nested = hd_py_acquires_count(11, code, 6, 0, 1, NULL);
	cr_expect(let_go.gave_back);
	cr_expect_eq(let_go.withs_since, 0u);
	cr_expect(nested.gave_back);
	cr_expect_eq(nested.withs_since, 1u);
	cr_expect_not(hd_py_acquires_count(11, code, sizeof(code), 0, 1, NULL).gave_back, "taken again");
	/* 3.14: LOAD_SPECIAL loads __enter__ (0), too. */
	static const uint8_t special[] = {80, 2, 95, 1, 95, 0};
	cr_expect_eq(hd_py_acquires_count(14, special, sizeof(special), 0, 1, NULL).withs_since, 1u);
}

static bool is_name_2(void *ctx, struct hd_py_receiver receiver)
{
	(void)ctx;
	return receiver.kind == HD_PY_RECEIVER_NAME && receiver.index == 2;
}

Test(py_ops, only_the_release_of_the_lock_in_question_counts, .timeout = 10)
{
	static const struct hd_py_receiver_test test = {is_name_2, NULL};
	/* 3.8: LOAD_GLOBAL, LOAD_FAST or LOAD_ATTR of index 2 or 3, then LOAD_METHOD release (1). */
	static const uint8_t codes[][4] = {{116, 2, 160, 1}, {106, 2, 160, 1}, {116, 3, 160, 1}, {124, 2, 160, 1}, {1, 2, 160, 1}};
	for (size_t i = 0; i < HD_COUNTOF(codes); i++)
		cr_expect_eq(hd_py_acquires_count(8, codes[i], 4, 0, 1, &test).gave_back, i < 2, "%zu", i);
	/* 3.13: LOAD_GLOBAL_MODULE 2 << 1 with four caches, LOAD_ATTR release (1) << 1. */
	static const uint8_t cached[] = {204, 4, 0, 0, 0, 0, 0, 0, 0, 0, 82, 2};
	cr_expect(hd_py_acquires_count(13, cached, sizeof(cached), 0, 1, &test).gave_back);
}
