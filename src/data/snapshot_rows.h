/* The rows of `hangdog.snapshot/1` (docs/snapshot-format.md): one table a row type, used by the writer and the reader
 * alike, so that they cannot drift.  Private to data/.
 *
 * A new field of a struct is one more line in its table in snapshot_rows.c.  Its default must mean "not known": files
 * written before it existed are read with it. */
#ifndef HANGDOG_DATA_SNAPSHOT_ROWS_H
#define HANGDOG_DATA_SNAPSHOT_ROWS_H

#include "hangdog/snapshot.h"

#define HD_SNAPSHOT_MAGIC "hangdog.snapshot/"
#define HD_SNAPSHOT_VERSION 1

enum field_type { F_I32, F_U32, F_I64, F_U64, F_BOOL, F_CHAR, F_TEXT, F_HEX, F_REF, F_ENUM, F_ARGS };

struct field {
	const char *name;
	enum field_type type;
	uint32_t offset;
	int64_t otherwise;              /* the value that is not written */
	const char *const *names;       /* F_ENUM */
	uint32_t n_names;
};

/* Rows that are one text or one reference, and the last row. */
struct text_row {
	const char *text;
};
struct ref_row {
	uint32_t object;
};
struct end_row {
	uint32_t rows;
};

enum row {
	ROW_SNAPSHOT,
	ROW_COMMAND,
	ROW_PROC,
	ROW_ARG,
	ROW_FORK,
	ROW_OTHER,
	ROW_THREAD,
	ROW_WORD,
	ROW_ON,
	ROW_LOCK,
	ROW_FRAME,
	ROW_OBJECT,
	ROW_HOLDER,
	ROW_WATCH,
	ROW_LOST,
	ROW_END,
	ROW_COUNT
};

struct row_type {
	const char *name;
	const struct field *fields;
	uint32_t n_fields, size;
	uint8_t depth;     /* of indentation: for people only */
	bool is_numbered;  /* the index follows the name: a missing line is noticed, references can be looked up */
	uint32_t below;    /* mask of the rows that may be open when this one comes */
};

#define HD_ROW_BIT(row) (1u << (row))

extern const struct row_type hd_snapshot_rows[ROW_COUNT];

/* Every number of a field as int64_t; F_U64 and F_HEX keep their bits.  Not for F_TEXT and F_ARGS. */
int64_t hd_field_get(const struct field *field, const void *row);
void hd_field_set(const struct field *field, void *row, int64_t value);

#endif
