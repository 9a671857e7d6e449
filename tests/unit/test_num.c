#include <criterion/criterion.h>
#include <errno.h>

#include "hangdog/num.h"

Test(num, the_whole_text_must_be_the_number, .timeout = 10)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "1x", "0x10", "1.0", "\t3", "a"};
	for (size_t i = 0; i < HD_COUNTOF(bad); i++) {
		uint64_t value = 77;
		cr_expect_eq(hd_parse_u64(bad[i], 10, &value), -EINVAL, "'%s'", bad[i]);
		cr_expect_eq(value, 77, "'%s' must leave the result alone", bad[i]);
	}
}

Test(num, limits_of_64_bits_are_exact, .timeout = 10)
{
	uint64_t u;
	int64_t i;
	cr_assert_eq(hd_parse_u64("18446744073709551615", 10, &u), 0);
	cr_assert_eq(u, UINT64_MAX);
	cr_assert_eq(hd_parse_u64("18446744073709551616", 10, &u), -ERANGE);
	cr_assert_eq(hd_parse_u64("ffffffffffffffff", 16, &u), 0);
	cr_assert_eq(u, UINT64_MAX);
	cr_assert_eq(hd_parse_u64("0x7f", 16, &u), 0);
	cr_assert_eq(u, 0x7f);
	cr_assert_eq(hd_parse_i64("-9223372036854775808", &i), 0);
	cr_assert_eq(i, INT64_MIN);
	cr_assert_neq(hd_parse_i64("9223372036854775808", &i), 0);
	cr_assert_neq(hd_parse_i64("-9223372036854775809", &i), 0);
	cr_assert_neq(hd_parse_i64("--1", &i), 0);
	cr_assert_neq(hd_parse_i64("-", &i), 0);
}

Test(num, take_moves_past_the_digits_only_when_it_worked, .timeout = 10)
{
	const char *text = "12:34";
	uint64_t u = 0;
	cr_assert(hd_take_u64(&text, 10, &u));
	cr_assert_eq(u, 12);
	cr_assert_str_eq(text, ":34");
	cr_assert_not(hd_take_u64(&text, 10, &u));
	cr_assert_str_eq(text, ":34");
}
