#include <criterion/criterion.h>

#include "parse/py_ops.h"

/* 3.8: LOAD_GLOBAL lock (name 0), LOAD_METHOD acquire (1), CALL_METHOD, POP_TOP, LOAD_GLOBAL work (2), CALL_FUNCTION,
 * POP_TOP, LOAD_GLOBAL lock, LOAD_METHOD release (3), CALL_METHOD, POP_TOP, LOAD_GLOBAL work, CALL_FUNCTION. */
static const uint8_t old_code[] = {116, 0, 160, 1, 161, 0, 1, 0, 116, 2, 131, 0, 1, 0, 116, 0, 160, 3, 161, 0, 1, 0, 116, 2, 131, 0};

Test(py_ops, between_acquire_and_release_one_is_open, .timeout = 10)
{
	struct hd_py_acquires at_work = hd_py_acquires_count(8, old_code, 10, 1, 3);
	cr_expect_eq(at_work.open, 1u);
	cr_expect_not(at_work.is_in_progress);
	cr_expect_eq(hd_py_acquires_count(8, old_code, 24, 1, 3).open, 0u, "released");
	cr_expect_eq(hd_py_acquires_count(8, old_code, 24, 1, UINT32_MAX).open, 1u, "never released");
}

Test(py_ops, the_acquire_that_is_being_called_is_told, .timeout = 10)
{
	struct hd_py_acquires waiting = hd_py_acquires_count(8, old_code, 4, 1, 3);
	cr_expect_eq(waiting.open, 1u);
	cr_expect(waiting.is_in_progress);
	cr_expect_eq(hd_py_acquires_count(8, old_code, 2, 1, 3).open, 0u, "not there yet");
}

Test(py_ops, specialised_loads_and_large_indexes_are_known, .timeout = 10)
{
	/* 3.13: EXTENDED_ARG 2, LOAD_ATTR_METHOD_NO_DICT 88: name (2 << 8 | 88) >> 1 = 300. */
	static const uint8_t code[] = {71, 2, 195, 88};
	cr_expect_eq(hd_py_acquires_count(13, code, sizeof(code), 300, UINT32_MAX).open, 1u);
	cr_expect_eq(hd_py_acquires_count(13, code, sizeof(code), 44, UINT32_MAX).open, 0u);
	cr_expect_eq(hd_py_acquires_count(16, code, sizeof(code), 300, UINT32_MAX).open, 0u, "a version that is not known");
}

Test(py_ops, a_release_within_a_block_gives_its_lock_back, .timeout = 10)
{
	/* 3.11: BEFORE_WITH, LOAD_ATTR release (1), BEFORE_WITH, LOAD_ATTR acquire (0). */
	static const uint8_t code[] = {53, 0, 106, 1, 53, 0, 106, 0};
	struct hd_py_acquires let_go = hd_py_acquires_count(11, code, 4, 0, 1), nested = hd_py_acquires_count(11, code, 6, 0, 1);
	cr_expect(let_go.gave_back);
	cr_expect_eq(let_go.withs_since, 0u);
	cr_expect(nested.gave_back);
	cr_expect_eq(nested.withs_since, 1u);
	cr_expect_not(hd_py_acquires_count(11, code, sizeof(code), 0, 1).gave_back, "taken again");
	/* 3.14: LOAD_SPECIAL loads __enter__ (0), too. */
	static const uint8_t special[] = {80, 2, 95, 1, 95, 0};
	cr_expect_eq(hd_py_acquires_count(14, special, sizeof(special), 0, 1).withs_since, 1u);
}
