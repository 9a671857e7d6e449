#include "hangdog/table.h"

#define FIRST_BUCKETS 16u

/* Numbers of tasks and addresses differ in few bits: spread them (the finaliser of MurmurHash3, public domain). */
static size_t bucket_of(const struct hd_table *table, uint64_t key)
{
	key = (key ^ key >> 33) * UINT64_C(0xff51afd7ed558ccd);
	key = (key ^ key >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (size_t)(key ^ key >> 33) & (table->n_buckets - 1);
}

static void chain_in(struct hd_table *table, struct hd_row *row)
{
	struct hd_row **bucket = &table->buckets[bucket_of(table, row->key)];
	row->chain = *bucket;
	*bucket = row;
}

static void grow(struct hd_table *table)
{
	size_t n = table->n_buckets != 0 ? 2 * table->n_buckets : FIRST_BUCKETS;
	struct hd_row **buckets = calloc(n, sizeof(struct hd_row *));
	if (buckets == NULL)
		abort();
	free(table->buckets);
	table->buckets = buckets;
	table->n_buckets = n;
	for (struct hd_row *row = table->first; row != NULL; row = row->after)
		chain_in(table, row);
}

void hd_table_add(struct hd_table *table, uint64_t key, void *at)
{
	struct hd_row *row = at;
	if (table->n >= table->n_buckets)
		grow(table);
	*row = (struct hd_row){.key = key, .before = table->last};
	if (table->last != NULL)
		table->last->after = row;
	else
		table->first = row;
	table->last = row;
	table->n++;
	chain_in(table, row);
}

void hd_table_remove(struct hd_table *table, void *at)
{
	struct hd_row *row = at;
	struct hd_row **link = &table->buckets[bucket_of(table, row->key)];
	while (*link != row)
		link = &(*link)->chain;
	*link = row->chain;
	*(row->before != NULL ? &row->before->after : &table->first) = row->after;
	*(row->after != NULL ? &row->after->before : &table->last) = row->before;
	table->n--;
}

static void *first_of(struct hd_row *row, uint64_t key)
{
	while (row != NULL && row->key != key)
		row = row->chain;
	return row;
}

void *hd_table_find(const struct hd_table *table, uint64_t key)
{
	return table->n != 0 ? first_of(table->buckets[bucket_of(table, key)], key) : NULL;
}

void *hd_table_again(const void *at)
{
	const struct hd_row *row = at;
	return first_of(row->chain, row->key);
}

void hd_table_release(struct hd_table *table)
{
	free(table->buckets);
	*table = (struct hd_table){0};
}
