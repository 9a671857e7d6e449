/* Hash table of the caller's own rows, on uthash and utlist (uthash-dev; BSD).  Its macros put hundreds of lines of open
 * code at each use, which neither the analysers nor a reader see through: here is their one use.
 *
 * A row has a struct hd_row as its FIRST member, so that a pointer to one is a pointer to the other; the caller allocates
 * and frees rows, the table owns its buckets only.  Several rows may have one key: whose identity is more than 64 bits
 * makes a key of it and compares what hd_table_find and hd_table_again give.  Rows come in the order in which they were
 * added.  A table of zeros is empty. */
#ifndef HANGDOG_TABLE_H
#define HANGDOG_TABLE_H

#include <uthash.h>

#include "hangdog/base.h"

struct hd_row {
	uint64_t key;
	struct hd_row *older;          /* of the same key; only the newest is in the buckets */
	struct hd_row *before, *after; /* in order of adding, as utlist keeps them */
	UT_hash_handle hh;
};

struct hd_table {
	struct hd_row *newest_by_key;
	struct hd_row *first;
	size_t n; /* rows */
};

/* `row` is a struct with a struct hd_row first.  Aborts when memory is out. */
void hd_table_add(struct hd_table *table, uint64_t key, void *row);
void hd_table_remove(struct hd_table *table, void *row); /* which must be in it */
/* The newest row of this key, and the next older one of the key of `row`; NULL = none. */
void *hd_table_find(const struct hd_table *table, uint64_t key);
void *hd_table_again(const void *row);
/* Both leave an empty table, which owns nothing: the first keeps its rows as they are, the second gives each to free(). */
void hd_table_release(struct hd_table *table);
void hd_table_free_rows(struct hd_table *table);

static inline void *hd_table_first(const struct hd_table *table)
{
	return table->first;
}

static inline void *hd_table_after(const void *row)
{
	return ((const struct hd_row *)row)->after;
}

/* Each row, oldest first; `row` itself may be removed and freed meanwhile, and rows may be added. */
#define HD_TABLE_EACH(table, row, next) \
	for ((row) = hd_table_first(table); (row) != NULL && ((next) = hd_table_after(row), true); (row) = (next))

#endif
