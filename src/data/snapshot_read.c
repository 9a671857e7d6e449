#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/num.h"
#include "hangdog/snapshot_io.h"
#include "hangdog/vec.h"
#include "snapshot_rows.h"

#define DAMAGED "the file is damaged: copy it again from where it was written"
/* Rows of one list, and rows in all: far above what hangdog writes, far below what hurts. */
#define LIST_MAX 262144u
#define ROWS_MAX (1u << 26)

/* What has been read so far.  Lists grow on the heap and move to the snapshot's arena when the row that owns them is
 * complete; `open` says which row came last at each level. */
struct reader {
	struct hd_snapshot *snap;
	struct hd_err *err;
	unsigned long line;
	uint32_t rows;
	uint32_t open;          /* mask of rows that a following row may belong to */
	enum row stack_owner;   /* whose frames these are: ROW_FORK, ROW_OTHER, ROW_THREAD */
	bool ended;
	uint32_t declared_rows; /* by the last row */
	HD_VEC(struct hd_proc) procs;
	HD_VEC(struct hd_thread) threads;
	HD_VEC(struct hd_object) objects;
	HD_VEC(struct hd_lost) lost;
	HD_VEC(struct hd_fork_other) others;
	HD_VEC(struct hd_frame) frames;
	HD_VEC(struct hd_word) words;
	HD_VEC(struct hd_holder) holders;
	HD_VEC(uint32_t) refs;  /* `on` of the thread or `watch` of the object: never both */
	HD_VEC(const char *) strings;
};

/* A piece of the file for an error text: short, and without bytes that a terminal would act on. */
struct quote {
	char text[48];
};

static struct quote quote(const char *from, size_t len)
{
	struct quote q = {0};
	for (size_t i = 0; i < len && i < sizeof(q.text) - 1; i++)
		q.text[i] = (char)(from[i] >= ' ' && from[i] < 0x7f ? from[i] : '?');
	return q;
}

#define FAIL(r, fmt, ...) hd_err_set((r)->err, EINVAL, "line %lu: " fmt, (r)->line, ##__VA_ARGS__)

/* Moves a finished list to the arena: sets the pointer and the count of its owner. */
#define MOVE(r, list, ret_at, ret_n)                                                                                    \
	do {                                                                                                            \
		if ((r)->list.n != 0)                                                                                   \
			(ret_at) = hd_arena_dup((r)->snap->arena, (r)->list.at, (r)->list.n * sizeof(*(r)->list.at));   \
		(ret_n) = (uint32_t)(r)->list.n;                                                                        \
		HD_VEC_CLEAR(&(r)->list);                                                                               \
	} while (0)

static struct hd_proc *last_proc(struct reader *r)
{
	return &r->procs.at[r->procs.n - 1];
}

static void finish_frames(struct reader *r)
{
	if (r->frames.n == 0)
		return;
	struct hd_stack *stack = r->stack_owner == ROW_THREAD ? &r->threads.at[r->threads.n - 1].stack
		: r->stack_owner == ROW_OTHER		      ? &r->others.at[r->others.n - 1].stack
							      : &last_proc(r)->fork->stack;
	MOVE(r, frames, stack->at, stack->n);
}

static void finish_thread(struct reader *r)
{
	if ((r->open & HD_ROW_BIT(ROW_THREAD)) == 0)
		return;
	struct hd_thread *thread = &r->threads.at[r->threads.n - 1];
	MOVE(r, words, thread->words, thread->n_words);
	MOVE(r, refs, thread->objects, thread->n_objects);
}

static void finish_fork(struct reader *r)
{
	if ((r->open & HD_ROW_BIT(ROW_FORK)) != 0)
		MOVE(r, others, last_proc(r)->fork->others, last_proc(r)->fork->n_others);
}

static const char *const *finish_strings(struct reader *r)
{
	const char **list = HD_NEW_N(r->snap->arena, r->strings.n + 1, const char *);
	if (r->strings.n != 0)
		memcpy(list, r->strings.at, r->strings.n * sizeof(*list));
	HD_VEC_CLEAR(&r->strings);
	return list;
}

static void finish_head(struct reader *r)
{
	if ((r->open & HD_ROW_BIT(ROW_SNAPSHOT)) != 0)
		r->snap->command = finish_strings(r);
	if ((r->open & HD_ROW_BIT(ROW_PROC)) != 0 && last_proc(r)->argv == NULL)
		last_proc(r)->argv = finish_strings(r);
}

static void finish_object(struct reader *r)
{
	if ((r->open & HD_ROW_BIT(ROW_OBJECT)) == 0)
		return;
	struct hd_object *object = &r->objects.at[r->objects.n - 1];
	MOVE(r, holders, object->holders, object->n_holders);
	MOVE(r, refs, object->watched, object->n_watched);
}

/* A row of this type begins: rows that cannot go on below it are complete. */
static void finish_before(struct reader *r, enum row row)
{
	if (row != ROW_FRAME)
		finish_frames(r);
	if (hd_snapshot_rows[row].depth == 0 || row == ROW_THREAD) {
		finish_thread(r);
		finish_fork(r);
		r->open &= ~(HD_ROW_BIT(ROW_THREAD) | HD_ROW_BIT(ROW_FORK) | HD_ROW_BIT(ROW_OTHER));
	}
	if (hd_snapshot_rows[row].depth == 0) {
		finish_head(r);
		finish_object(r);
		r->open = 0;
	}
}

static int store_lists(struct reader *r, enum row row, const void *value)
{
	switch (row) {
	case ROW_COMMAND:
	case ROW_ARG:
		if (((const struct text_row *)value)->text == NULL)
			return FAIL(r, "the '%s' row has no text=: %s", hd_snapshot_rows[row].name, DAMAGED);
		HD_VEC_PUSH(&r->strings, ((const struct text_row *)value)->text);
		return r->strings.n <= LIST_MAX ? 0 : -E2BIG;
	case ROW_WORD:
		HD_VEC_PUSH(&r->words, *(const struct hd_word *)value);
		return r->words.n <= LIST_MAX ? 0 : -E2BIG;
	case ROW_ON:
	case ROW_WATCH:
		HD_VEC_PUSH(&r->refs, ((const struct ref_row *)value)->object);
		return r->refs.n <= LIST_MAX ? 0 : -E2BIG;
	case ROW_FRAME:
		HD_VEC_PUSH(&r->frames, *(const struct hd_frame *)value);
		return r->frames.n <= LIST_MAX ? 0 : -E2BIG;
	case ROW_HOLDER:
		HD_VEC_PUSH(&r->holders, *(const struct hd_holder *)value);
		return r->holders.n <= LIST_MAX ? 0 : -E2BIG;
	case ROW_OTHER:
		HD_VEC_PUSH(&r->others, *(const struct hd_fork_other *)value);
		return r->others.n <= LIST_MAX ? 0 : -E2BIG;
	case ROW_LOST:
		HD_VEC_PUSH(&r->lost, *(const struct hd_lost *)value);
		return r->lost.n <= LIST_MAX ? 0 : -E2BIG;
	default:
		HD_ASSERT(false);
		return -EINVAL;
	}
}

static int store_fork(struct reader *r, const struct hd_fork *fork)
{
	if (last_proc(r)->fork != NULL)
		return FAIL(r, "a second 'fork' row of one process: %s", DAMAGED);
	last_proc(r)->fork = hd_arena_dup(r->snap->arena, fork, sizeof(*fork));
	return 0;
}

static int store_thread(struct reader *r, struct hd_thread *thread)
{
	thread->proc = (uint32_t)r->procs.n - 1;
	last_proc(r)->n_threads++;
	HD_VEC_PUSH(&r->threads, *thread);
	return r->threads.n <= HD_THREADS_MAX ? 0 : -E2BIG;
}

static int store(struct reader *r, enum row row, void *value)
{
	switch (row) {
	case ROW_SNAPSHOT: {
		struct hd_arena *arena = r->snap->arena;
		*r->snap = *(struct hd_snapshot *)value;
		r->snap->arena = arena;
		return 0;
	}
	case ROW_PROC:
		((struct hd_proc *)value)->first_thread = (uint32_t)r->threads.n;
		HD_VEC_PUSH(&r->procs, *(struct hd_proc *)value);
		return r->procs.n <= HD_PROCS_MAX ? 0 : -E2BIG;
	case ROW_FORK:
		return store_fork(r, value);
	case ROW_THREAD:
		return store_thread(r, value);
	case ROW_LOCK:
		r->threads.at[r->threads.n - 1].lock = *(struct hd_lock *)value;
		return 0;
	case ROW_OBJECT:
		HD_VEC_PUSH(&r->objects, *(struct hd_object *)value);
		return r->objects.n <= HD_OBJECTS_MAX ? 0 : -E2BIG;
	case ROW_END:
		r->ended = true;
		r->declared_rows = ((struct end_row *)value)->rows;
		return 0;
	default:
		return store_lists(r, row, value);
	}
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %XX back to bytes; NULL when an escape is broken or stands for NUL. */
static const char *take_text(struct reader *r, const char *from, size_t len)
{
	char *text = hd_arena_strn(r->snap->arena, from, len);
	char *to = text;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '%') {
			*to++ = *p;
			continue;
		}
		int high = hex_digit(p[1]), low = high >= 0 ? hex_digit(p[2]) : -1;
		if (low < 0 || high + low == 0)
			return NULL;
		*to++ = (char)(high * 16 + low);
		p += 2;
	}
	*to = '\0';
	return text;
}

static bool take_args(const char *text, uint64_t args[HD_ARGS])
{
	for (unsigned i = 0; i < HD_ARGS; i++) {
		if ((i != 0 && *text++ != ',') || !hd_take_u64(&text, 16, &args[i]))
			return false;
	}
	return *text == '\0';
}

static bool take_enum(const struct field *f, const char *text, int64_t *ret)
{
	for (uint32_t i = 0; i < f->n_names; i++) {
		if (strcmp(f->names[i], text) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* The text as a number that fits the field's C type. */
static bool take_number(const struct field *f, const char *text, int64_t *ret)
{
	static const struct {
		int64_t min, max;
	} range[] = {
		[F_I32] = {INT32_MIN, INT32_MAX}, [F_U32] = {0, UINT32_MAX},
		[F_I64] = {INT64_MIN, INT64_MAX}, [F_BOOL] = {0, 1},
		[F_REF] = {0, UINT32_MAX},
	};
	if (f->type == F_ENUM)
		return take_enum(f, text, ret);
	if (f->type == F_U64 || f->type == F_HEX)
		return hd_parse_u64(text, f->type == F_HEX ? 16 : 10, (uint64_t *)ret) == 0;
	int64_t value;
	if (hd_parse_i64(text, &value) != 0 || value < range[f->type].min || value > range[f->type].max)
		return false;
	*ret = value;
	return true;
}

static bool take_value(struct reader *r, const struct field *f, const char *from, size_t len, void *value)
{
	void *at = (char *)value + f->offset;
	const char *text = take_text(r, from, len);
	int64_t number;
	if (text == NULL)
		return false;
	if (f->type == F_TEXT) {
		*(const char **)at = text;
		return true;
	}
	if (f->type == F_ARGS)
		return take_args(text, at);
	if (f->type == F_CHAR) {
		*(char *)at = text[0];
		return text[0] != '\0' && text[1] == '\0';
	}
	if (!take_number(f, text, &number))
		return false;
	hd_field_set(f, value, number);
	return true;
}

/* One `key=value` of the row.  `seen` has a bit a field. */
static int take_pair(struct reader *r, const struct row_type *type, const char *word, size_t len, uint64_t *seen, void *value)
{
	const char *equals = memchr(word, '=', len);
	size_t name_len = equals != NULL ? (size_t)(equals - word) : len;
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct field *f = &type->fields[i];
		if (equals == NULL || strlen(f->name) != name_len || memcmp(f->name, word, name_len) != 0)
			continue;
		if ((*seen >> i & 1) != 0)
			return FAIL(r, "%s: '%s' is given twice: %s", type->name, f->name, DAMAGED);
		*seen |= UINT64_C(1) << i;
		if (take_value(r, f, equals + 1, len - name_len - 1, value))
			return 0;
		return FAIL(r, "%s: '%s' is no value of '%s': %s", type->name,
			    quote(equals + 1, len - name_len - 1).text, f->name, DAMAGED);
	}
	return FAIL(r, "%s: unknown field '%s': the file is damaged, or from a newer hangdog: update hangdog",
		    type->name, quote(word, name_len).text);
}

static void set_defaults(const struct row_type *type, void *value)
{
	memset(value, 0, type->size);
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct field *f = &type->fields[i];
		if (f->otherwise != 0)
			hd_field_set(f, value, f->otherwise);
	}
}

static const char *next_word(const char **p, const char *end, size_t *ret_len)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
	const char *word = *p;
	while (*p < end && **p != ' ' && **p != '\t')
		(*p)++;
	*ret_len = (size_t)(*p - word);
	return word;
}

static int find_row(struct reader *r, const char *word, size_t len, enum row *ret)
{
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		if (strlen(hd_snapshot_rows[i].name) == len && memcmp(hd_snapshot_rows[i].name, word, len) == 0) {
			*ret = (enum row)i;
			return 0;
		}
	}
	return FAIL(r, "unknown row '%s': the file is damaged, or from a newer hangdog: update hangdog",
		    quote(word, len).text);
}

/* The number of a numbered row must be the next one: so a lost line is noticed where it was. */
static int check_number(struct reader *r, enum row row, const char *word, size_t len)
{
	size_t expected = row == ROW_PROC ? r->procs.n : row == ROW_THREAD ? r->threads.n : r->objects.n;
	char text[24];
	int n = snprintf(text, sizeof(text), "%zu", expected);
	if ((size_t)n == len && memcmp(text, word, len) == 0)
		return 0;
	return FAIL(r, "%s %s, but %s %zu was to come: a line is missing: %s", hd_snapshot_rows[row].name,
		    quote(word, len).text, hd_snapshot_rows[row].name, expected, DAMAGED);
}

static int check_place(struct reader *r, enum row row)
{
	if (r->ended)
		return FAIL(r, "there is text after the 'end' row: %s", DAMAGED);
	if ((row == ROW_SNAPSHOT) != (r->rows == 0))
		return FAIL(r, "the 'snapshot' row must be the first and only: %s", DAMAGED);
	if (hd_snapshot_rows[row].depth != 0 && (r->open & hd_snapshot_rows[row].below) == 0)
		return FAIL(r, "this '%s' row belongs to nothing above it: %s", hd_snapshot_rows[row].name, DAMAGED);
	return 0;
}

static void note_open(struct reader *r, enum row row)
{
	if (row == ROW_THREAD || row == ROW_OTHER || row == ROW_FORK)
		r->stack_owner = row;
	if (row == ROW_SNAPSHOT || row == ROW_PROC || row == ROW_FORK || row == ROW_OTHER || row == ROW_THREAD || row == ROW_OBJECT)
		r->open |= HD_ROW_BIT(row);
}

static int read_row(struct reader *r, const char *p, const char *end)
{
	union {
		struct hd_snapshot snapshot;
		struct hd_proc proc;
		struct hd_fork fork;
		struct hd_fork_other other;
		struct hd_thread thread;
		struct hd_word word;
		struct hd_lock lock;
		struct hd_frame frame;
		struct hd_object object;
		struct hd_holder holder;
		struct hd_lost lost;
		struct text_row text;
		struct ref_row ref;
		struct end_row end;
	} value;
	enum row row = ROW_COUNT;
	size_t len;
	uint64_t seen = 0;
	const char *word = next_word(&p, end, &len);
	int rc = find_row(r, word, len, &row);
	if (rc == 0)
		rc = check_place(r, row);
	if (rc == 0 && hd_snapshot_rows[row].is_numbered) {
		word = next_word(&p, end, &len);
		rc = check_number(r, row, word, len);
	}
	if (rc != 0)
		return rc;
	HD_ASSERT(hd_snapshot_rows[row].size <= sizeof(value) && hd_snapshot_rows[row].n_fields <= 64);
	set_defaults(&hd_snapshot_rows[row], &value);
	while (word = next_word(&p, end, &len), len != 0) {
		rc = take_pair(r, &hd_snapshot_rows[row], word, len, &seen, &value);
		if (rc != 0)
			return rc;
	}
	finish_before(r, row);
	rc = store(r, row, &value);
	if (rc == -E2BIG)
		return FAIL(r, "more '%s' rows than hangdog ever writes: %s", hd_snapshot_rows[row].name, DAMAGED);
	note_open(r, row);
	r->rows++;
	return rc;
}

static int check_magic(struct reader *r, const char *line, size_t len)
{
	uint64_t version;
	char text[64];
	snprintf(text, sizeof(text), "%.*s", (int)(len < 63 ? len : 63), line);
	if (strncmp(text, HD_SNAPSHOT_MAGIC, sizeof(HD_SNAPSHOT_MAGIC) - 1) != 0 || hd_parse_u64(text + sizeof(HD_SNAPSHOT_MAGIC) - 1, 10, &version) != 0)
		return FAIL(r, "this is no hangdog snapshot: it does not begin with '" HD_SNAPSHOT_MAGIC "%d'; give a snapshot.hds of an incident",
			    HD_SNAPSHOT_VERSION);
	if (version == HD_SNAPSHOT_VERSION)
		return 0;
	return hd_err_set(r->err, EPROTONOSUPPORT, "this snapshot is " HD_SNAPSHOT_MAGIC "%" PRIu64 "; this hangdog reads /%d: %s", version,
			  HD_SNAPSHOT_VERSION, version > HD_SNAPSHOT_VERSION ? "update hangdog" : "it was written by a hangdog that is too old: record it again");
}

static int read_lines(struct reader *r, const char *text, size_t len)
{
	for (const char *p = text, *end = text + len; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		r->line++;
		if (stop == NULL)
			return FAIL(r, "the file ends in the middle of a line: it was cut off: copy it again from where it was written");
		if (memchr(p, '\0', (size_t)(stop - p)) != NULL)
			return FAIL(r, "there is a zero byte: %s", DAMAGED);
		if (r->rows > ROWS_MAX)
			return FAIL(r, "more rows than hangdog ever writes: %s", DAMAGED);
		int rc = r->line == 1 ? check_magic(r, p, (size_t)(stop - p)) : read_row(r, p, stop);
		if (rc != 0)
			return rc;
		p = stop + 1;
	}
	return 0;
}

static int finish(struct reader *r)
{
	const char *why;
	struct hd_snapshot *snap = r->snap;
	if (r->line == 0)
		return hd_err_set(r->err, EINVAL, "the snapshot is empty; give a snapshot.hds of an incident");
	if (!r->ended || r->declared_rows != r->rows - 1)
		return FAIL(r, "the file should end with 'end rows=N' and have N rows: a part is missing: %s", DAMAGED);
	MOVE(r, procs, snap->procs, snap->n_procs);
	MOVE(r, threads, snap->threads, snap->n_threads);
	MOVE(r, objects, snap->objects, snap->n_objects);
	MOVE(r, lost, snap->lost, snap->n_lost);
	if (hd_snapshot_check(snap, &why) != 0)
		return hd_err_set(r->err, EINVAL, "the snapshot contradicts itself: %s; %s", why, DAMAGED);
	return 0;
}

static void reader_release(struct reader *r)
{
	HD_VEC_RELEASE(&r->procs);
	HD_VEC_RELEASE(&r->threads);
	HD_VEC_RELEASE(&r->objects);
	HD_VEC_RELEASE(&r->lost);
	HD_VEC_RELEASE(&r->others);
	HD_VEC_RELEASE(&r->frames);
	HD_VEC_RELEASE(&r->words);
	HD_VEC_RELEASE(&r->holders);
	HD_VEC_RELEASE(&r->refs);
	HD_VEC_RELEASE(&r->strings);
}

int hd_snapshot_read(const char *text, size_t len, struct hd_snapshot **ret, struct hd_err *err)
{
	struct reader r = {.snap = hd_snapshot_new(), .err = err};
	int rc = read_lines(&r, text, len);
	if (rc == 0)
		rc = finish(&r);
	reader_release(&r);
	if (rc != 0)
		hd_snapshot_free(r.snap);
	else
		*ret = r.snap;
	return rc;
}
