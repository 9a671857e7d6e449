#include <criterion/criterion.h>

#include "hangdog/table.h"

struct person {
	struct hd_row row; /* by age */
	uint64_t age;
	char initial;
};

static struct person *add(struct hd_table *table, uint64_t age, char initial)
{
	struct person *p = calloc(1, sizeof(*p));
	cr_assert_not_null(p);
	*p = (struct person){.age = age, .initial = initial};
	hd_table_add(table, age, p);
	return p;
}

static void drop(struct hd_table *table, struct person *p)
{
	hd_table_remove(table, p);
	free(p);
}

static void drop_all(struct hd_table *table)
{
	hd_table_free_rows(table);
	cr_assert_eq(table->n, 0);
	cr_assert_null(hd_table_first(table));
}

Test(table, is_empty_as_zeros, .timeout = 10)
{
	struct hd_table table = {0};
	cr_assert_null(hd_table_find(&table, 0));
	cr_assert_null(hd_table_first(&table));
	hd_table_release(&table);
}

Test(table, finds_each_of_many_after_every_third_is_gone, .timeout = 10)
{
	enum { N = 10000 };
	struct hd_table table = {0};
	for (uint64_t i = 0; i < N; i++)
		add(&table, i << 32 | i, 'x');
	for (uint64_t i = 0; i < N; i += 3)
		drop(&table, hd_table_find(&table, i << 32 | i));
	for (uint64_t i = 0; i < N; i++) {
		const struct person *p = hd_table_find(&table, i << 32 | i);
		cr_assert_eq(p == NULL, i % 3 == 0, "row %d", (int)i);
		cr_assert(p == NULL || p->age == (i << 32 | i));
	}
	drop_all(&table);
}

Test(table, gives_all_rows_of_one_key, .timeout = 10)
{
	struct hd_table table = {0};
	add(&table, 7, 'a');
	add(&table, 8, 'b');
	struct person *c = add(&table, 7, 'c');
	unsigned seen = 0;
	for (const struct person *p = hd_table_find(&table, 7); p != NULL; p = hd_table_again(p)) {
		cr_assert_eq(p->age, 7);
		seen |= 1u << (p->initial - 'a');
	}
	cr_assert_eq(seen, 5);
	drop(&table, c);
	const struct person *a = hd_table_find(&table, 7);
	cr_assert_eq(a->initial, 'a');
	cr_assert_null(hd_table_again(a));
	drop_all(&table);
}

Test(table, walks_in_the_order_of_adding_while_rows_come_and_go, .timeout = 10)
{
	struct hd_table table = {0};
	char order[8] = "";
	size_t n = 0;
	for (char c = 'a'; c < 'e'; c++)
		add(&table, (uint64_t)(100 - c), c);
	struct person *p, *next;
	HD_TABLE_EACH(&table, p, next) {
		order[n++] = p->initial;
		if (p->initial == 'b')
			add(&table, 1, 'z');
		if (p->initial != 'c')
			drop(&table, p);
	}
	cr_assert_str_eq(order, "abcdz");
	cr_assert_eq(table.n, 1);
	drop_all(&table);
}
