#include <stdlib.h>

#define uthash_fatal(msg) abort()
#include "hangdog/table.h"

#include <utlist.h>

static struct hd_row *newest(const struct hd_table *table, uint64_t key)
{
	struct hd_row *row;
	HASH_FIND(hh, table->newest_by_key, &key, sizeof(key), row);
	return row;
}

static void swap_newest(struct hd_table *table, struct hd_row *old, struct hd_row *new)
{
	if (old != NULL)
		HASH_DELETE(hh, table->newest_by_key, old);
	if (new != NULL)
		HASH_ADD(hh, table->newest_by_key, key, sizeof(new->key), new);
}

void hd_table_add(struct hd_table *table, uint64_t key, void *at)
{
	struct hd_row *row = at;
	*row = (struct hd_row){.key = key, .older = newest(table, key)};
	swap_newest(table, row->older, row);
	DL_APPEND2(table->first, row, before, after);
	table->n++;
}

void hd_table_remove(struct hd_table *table, void *at)
{
	struct hd_row *row = at, *next = newest(table, row->key);
	if (next == row) {
		swap_newest(table, row, row->older);
	} else {
		while (next != NULL && next->older != row)
			next = next->older;
		HD_ASSERT(next != NULL);
		next->older = row->older;
	}
	DL_DELETE2(table->first, row, before, after);
	table->n--;
}

void *hd_table_find(const struct hd_table *table, uint64_t key)
{
	return newest(table, key);
}

void *hd_table_again(const void *at)
{
	const struct hd_row *row = at;
	return row->older;
}

void hd_table_release(struct hd_table *table)
{
	HASH_CLEAR(hh, table->newest_by_key);
	*table = (struct hd_table){0};
}

void hd_table_free_rows(struct hd_table *table)
{
	struct hd_row *first = table->first, *row, *next;
	hd_table_release(table);
	DL_FOREACH_SAFE2(first, row, next, after)
		free(row);
}
