/* The snapshot format: what is written is read back to the byte, and nothing that is damaged is read at all.
 * covers: snapshot_read.c snapshot_write.c snapshot_rows.c */
#include <criterion/criterion.h>

#include "../lib/sample_cases.h"
#include "data/snapshot_rows.h"
#include "hangdog/snapshot_io.h"

static char *written(const struct hd_snapshot *snap)
{
	struct hd_buf out = {0};
	hd_snapshot_write(snap, &out);
	return out.text;
}

static struct hd_snapshot *must_read(const char *text)
{
	struct hd_snapshot *snap = NULL;
	struct hd_err err = {0};
	int rc = hd_snapshot_read(text, strlen(text), &snap, &err);
	cr_assert_eq(rc, 0, "%s", err.text);
	return snap;
}

static void assert_round_trip(struct hd_snapshot *snap)
{
	char *first = written(snap);
	struct hd_snapshot *again = must_read(first);
	char *second = written(again);
	cr_assert_str_eq(first, second);
	free(first);
	free(second);
	hd_snapshot_free(again);
	hd_snapshot_free(snap);
}

/* The error text for what should not be read. */
static struct hd_err refused(const char *text)
{
	struct hd_snapshot *snap = NULL;
	struct hd_err err = {0};
	cr_assert_lt(hd_snapshot_read(text, strlen(text), &snap, &err), 0, "was read: %s", text);
	cr_assert_null(snap);
	return err;
}

#define ASSERT_REFUSED(input, ...)                                                                         \
	do {                                                                                              \
		struct hd_err e_ = refused(input);                                                        \
		const char *const parts_[] = {__VA_ARGS__};                                               \
		for (size_t i_ = 0; i_ < HD_COUNTOF(parts_); i_++)                                        \
			cr_assert(strstr(e_.text, parts_[i_]) != NULL, "'%s' not in: %s", parts_[i_], e_.text); \
	} while (0)

#define HEAD "hangdog.snapshot/1\nsnapshot version=0.1.0\n"

Test(snapshot_io, every_sample_survives_a_round_trip, .timeout = 10)
{
	assert_round_trip(sample_python_lock());
	assert_round_trip(sample_openmp());
	assert_round_trip(sample_lock_cycle());
	assert_round_trip(sample_pipes());
	assert_round_trip(sample_healthy());
	assert_round_trip(sample_new());
}

Test(snapshot_io, a_read_snapshot_holds_the_same_facts, .timeout = 10)
{
	struct hd_snapshot *before = sample_python_lock();
	char *text = written(before);
	struct hd_snapshot *after = must_read(text);
	cr_assert_eq(after->n_procs, 2);
	cr_assert_eq(after->n_threads, 3);
	cr_assert_eq(after->root, 4242);
	cr_assert_str_eq(after->command[3], "2");
	cr_assert_null(after->command[4]);
	const struct hd_proc *worker = &after->procs[1];
	cr_assert_eq(worker->parent, 0);
	cr_assert_eq(worker->first_thread, 2);
	cr_assert_eq(worker->fork->n_others, 1);
	cr_assert_eq(worker->fork->others[0].how, HD_HOW_PYTHON);
	cr_assert_eq(worker->fork->others[0].stack.n, 3);
	cr_assert_eq(worker->fork->stack.n, 8);
	const struct hd_thread *t = &after->threads[2];
	cr_assert_eq(t->proc, 1);
	cr_assert_eq(t->lock.kind, HD_LOCK_PYTHON);
	cr_assert_eq(t->lock.fork_owner_tid, 4250);
	cr_assert_str_eq(t->lock.name, "cache_lock (in train.py)");
	cr_assert_eq(t->words[0].addr, 0x55d0c81a2f40);
	cr_assert_eq(t->words[0].sharers_object, HD_NONE);
	cr_assert_eq(t->stack.at[5].kind, HD_FRAME_PYTHON);
	cr_assert_eq(t->stack.at[5].line, 41);
	cr_assert_eq(t->stack.n, before->threads[2].stack.n);
	cr_assert(t->stack.is_complete);
	hd_snapshot_free(after);
	hd_snapshot_free(before);
	free(text);
}

/* Gives every field of a row a value of its own that differs from its default. */
static void fill_row(const struct row_type *type, void *row)
{
	static const char *const text = "a b%c\n\xff=\xc3\xa9";
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct field *f = &type->fields[i];
		char *at = (char *)row + f->offset;
		if (f->type == F_TEXT)
			*(const char **)(void *)at = text;
		else if (f->type == F_ARGS)
			memcpy(at, (uint64_t[HD_ARGS]){1, 2, 3, 0, UINT64_MAX, 6}, sizeof(uint64_t[HD_ARGS]));
		else if (f->type == F_REF)
			hd_field_set(f, row, 0);
		else if (f->type == F_ENUM)
			hd_field_set(f, row, f->n_names - 1);
		else if (f->type == F_CHAR)
			hd_field_set(f, row, '%');
		else if (f->type == F_BOOL)
			hd_field_set(f, row, 1);
		else if (f->type == F_I32)
			hd_field_set(f, row, INT32_MIN);
		else if (f->type == F_U32)
			hd_field_set(f, row, UINT32_MAX);
		else
			hd_field_set(f, row, f->type == F_I64 ? INT64_MIN : -(int64_t)i - 1);
	}
}

static struct hd_snapshot *sample_extreme(void)
{
	struct hd_snapshot *s = sample_new();
	struct hd_proc *p = sample_proc(s, 1, 0, "x", "a b", "", "\n%\xff", NULL);
	fill_row(&hd_snapshot_rows[ROW_PROC], p);
	struct hd_fork *fork = sample_fork(s, 5, 6, 1);
	fork->stack = sample_stack(s, "f@m\ng@n");
	fill_row(&hd_snapshot_rows[ROW_FORK], fork);
	fork->others[0].stack = sample_stack(s, "h@m");
	fill_row(&hd_snapshot_rows[ROW_OTHER], &fork->others[0]);
	fill_row(&hd_snapshot_rows[ROW_FRAME], &fork->others[0].stack.at[0]);
	struct hd_object *o = sample_object(s, HD_OBJ_EPOLL, 1, "o");
	fill_row(&hd_snapshot_rows[ROW_OBJECT], o);
	sample_holder(o, 0, 1, true, true);
	fill_row(&hd_snapshot_rows[ROW_HOLDER], &o->holders[0]);
	o->watched = HD_NEW(s->arena, uint32_t);
	o->n_watched = 1;
	struct hd_thread *t = sample_thread(s, 1, "x", 'S');
	sample_futex(s, t, 1, HD_LOCK_MUTEX);
	sample_read_object(s, t, o);
	t->stack = sample_stack(s, "f@m");
	fill_row(&hd_snapshot_rows[ROW_THREAD], t);
	fill_row(&hd_snapshot_rows[ROW_WORD], &t->words[0]);
	fill_row(&hd_snapshot_rows[ROW_LOCK], &t->lock);
	fill_row(&hd_snapshot_rows[ROW_LOST], &s->lost[0]);
	s->n_lost = 1;
	fill_row(&hd_snapshot_rows[ROW_SNAPSHOT], s);
	return s;
}

Test(snapshot_io, every_field_of_every_row_survives_with_extreme_values, .timeout = 10)
{
	struct hd_snapshot *s = sample_extreme();
	char *text = written(s);
	for (unsigned row = 0; row < ROW_COUNT; row++) {
		for (uint32_t i = 0; i < hd_snapshot_rows[row].n_fields; i++) {
			char key[64];
			snprintf(key, sizeof(key), " %s=", hd_snapshot_rows[row].fields[i].name);
			cr_assert(strstr(text, key) != NULL, "%s of a %s row is not written", key, hd_snapshot_rows[row].name);
		}
	}
	free(text);
	assert_round_trip(s);
}

static bool is_known(const char *member)
{
	/* Rows of their own, what follows from the order of the rows, and what is never kept in files. */
	static const char *const others[] = {
		"arena", "command", "procs", "n_procs", "threads", "n_threads", "objects", "n_objects", "lost", "n_lost", "argv", "first_thread",
		"fork", "stack", "others", "n_others", "raw", "proc", "words", "n_words", "lock", "layout", "semlock", "rlock", "at", "n", "holders", "n_holders",
		"is_multiprocessing", "watched", "n_watched", "locals", "tasks", "n_tasks", "gc_running",
	};
	for (size_t i = 0; i < HD_COUNTOF(others); i++) {
		if (strcmp(others[i], member) == 0)
			return true;
	}
	for (unsigned row = 0; row < ROW_COUNT; row++) {
		for (uint32_t i = 0; i < hd_snapshot_rows[row].n_fields; i++) {
			const char *name = hd_snapshot_rows[row].fields[i].name, *dot = strrchr(name, '.');
			if (strcmp(dot != NULL ? dot + 1 : name, member) == 0)
				return true;
		}
	}
	return false;
}

static void blank_comments(char *text)
{
	for (char *open = text, *close; (open = strstr(open, "/*")) != NULL && (close = strstr(open, "*/")) != NULL; open = close)
		memset(open, ' ', (size_t)(close + 2 - open));
}

/* Of "const char *a, *b[3]" the names a and b. */
static unsigned check_members(char *declaration)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	unsigned n = 0;
	char *save = NULL;
	for (char *part = strtok_r(declaration, ",", &save); part != NULL; part = strtok_r(NULL, ",", &save)) {
		part[strcspn(part, "[")] = '\0';
		size_t end = strlen(part);
		while (end > 0 && strchr(word, part[end - 1]) == NULL)
			end--;
		part[end] = '\0';
		while (end > 0 && strchr(word, part[end - 1]) != NULL)
			end--;
		cr_expect(is_known(part + end), "member '%s' is in no table of src/data/snapshot_rows.c: replay would not know it", part + end);
		n++;
	}
	return n;
}

/* A struct that grew must get a line in its table, or replay would decide from less than was seen. */
static unsigned check_header(const char *path)
{
	static char text[65536];
	unsigned n = 0;
	FILE *file = fopen(path, "r");
	cr_assert_not_null(file, "%s: run the tests from the top of the sources", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	blank_comments(text);
	for (char *p = text; (p = strstr(p, "\nstruct hd_")) != NULL;) {
		p = p + 1 + strcspn(p + 1, "{;(");
		if (*p != '{')
			continue;
		for (char *end = strstr(++p, "\n}"), *stop; end != NULL && (stop = strchr(p, ';')) != NULL && stop < end; p = stop + 1) {
			*stop = '\0';
			n += check_members(p);
		}
	}
	return n;
}

Test(snapshot_io, every_member_of_every_struct_is_in_a_table, .timeout = 10)
{
	cr_assert_gt(check_header("include/hangdog/snapshot.h"), 150);
	cr_assert_gt(check_header("include/hangdog/frame.h"), 15);
}

Test(snapshot_io, text_from_the_target_stays_on_its_line, .timeout = 10)
{
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 7, 1, "evil\nend rows=0", "a\x1b[31m", "", NULL);
	sample_thread(s, 7, "100% \xff", 'S');
	char *text = written(s);
	cr_assert(strstr(text, "comm=evil%0Aend%20rows=0") != NULL, "%s", text);
	cr_assert(strstr(text, "name=100%25%20%FF") != NULL);
	struct hd_snapshot *again = must_read(text);
	cr_assert_str_eq(again->procs[0].comm, "evil\nend rows=0");
	cr_assert_str_eq(again->procs[0].argv[1], "");
	cr_assert_null(again->procs[0].argv[2]);
	free(text);
	hd_snapshot_free(again);
	hd_snapshot_free(s);
}

Test(snapshot_io, a_newer_schema_is_named_and_the_remedy_given, .timeout = 10)
{
	ASSERT_REFUSED("hangdog.snapshot/2\nsnapshot\nend rows=1\n",
		       "this snapshot is hangdog.snapshot/2; this hangdog reads /1: update hangdog");
	ASSERT_REFUSED("hangdog.snapshot/0\n", "hangdog.snapshot/0", "record it again");
}

Test(snapshot_io, what_is_no_snapshot_is_refused, .timeout = 10)
{
	ASSERT_REFUSED("", "empty");
	ASSERT_REFUSED("{\"schema\": 1}\n", "line 1", "no hangdog snapshot");
	ASSERT_REFUSED("hangdog.snapshot/x\n", "no hangdog snapshot");
	ASSERT_REFUSED("hangdog.snapshot/99999999999999999999999\n", "no hangdog snapshot");
}

Test(snapshot_io, a_file_cut_anywhere_is_refused, .timeout = 60)
{
	struct hd_snapshot *s = sample_python_lock();
	char *text = written(s);
	for (size_t n = strlen(text) - 1; n-- > 0;) {
		struct hd_snapshot *snap = NULL;
		struct hd_err err = {0};
		cr_assert_lt(hd_snapshot_read(text, n, &snap, &err), 0, "the first %zu bytes were read", n);
		cr_assert_neq(err.text[0], '\0');
	}
	free(text);
	hd_snapshot_free(s);
}

Test(snapshot_io, a_missing_line_is_noticed, .timeout = 10)
{
	struct hd_snapshot *s = sample_python_lock();
	char *text = written(s);
	for (char *line = text; *line != '\0';) {
		char *next = strchr(line, '\n') + 1;
		struct hd_buf less HD_CLEAN_BUF = {0};
		hd_buf_add(&less, text, (size_t)(line - text));
		hd_buf_str(&less, next);
		refused(hd_buf_text(&less));
		line = next;
	}
	free(text);
	hd_snapshot_free(s);
}

Test(snapshot_io, damage_is_reported_with_its_line, .timeout = 10)
{
	ASSERT_REFUSED(HEAD "proc 0 pid=abc\nend rows=2\n", "line 3", "proc", "'abc'", "'pid'", "damaged");
	ASSERT_REFUSED(HEAD "proc 0 pid=99999999999\nend rows=2\n", "line 3", "'pid'");
	ASSERT_REFUSED(HEAD "proc 0 in_tree=2\nend rows=2\n", "'in_tree'");
	ASSERT_REFUSED(HEAD "proc 0 state=SS\nend rows=2\n", "'state'");
	ASSERT_REFUSED(HEAD "proc 0 comm=%G1\nend rows=2\n", "'comm'");
	ASSERT_REFUSED(HEAD "proc 0 comm=a%00b\nend rows=2\n", "'comm'");
	ASSERT_REFUSED(HEAD "proc 0 comm=%\nend rows=2\n", "'comm'");
	ASSERT_REFUSED(HEAD "proc 0 pid=1 pid=2\nend rows=2\n", "given twice");
	ASSERT_REFUSED(HEAD "proc 0 is_frozen=perhaps\nend rows=2\n", "'perhaps'", "'is_frozen'");
	ASSERT_REFUSED(HEAD "proc 1 pid=1\nend rows=2\n", "line 3", "proc 1, but proc 0", "missing");
	ASSERT_REFUSED(HEAD "proc pid=1\nend rows=2\n", "line 3", "missing");
	ASSERT_REFUSED(HEAD "proc 0\n\tthread 0 args=1,2,3\nend rows=3\n", "line 4", "'args'");
	ASSERT_REFUSED(HEAD "end rows=7\n", "end rows=N");
	ASSERT_REFUSED(HEAD, "end rows=N");
	ASSERT_REFUSED(HEAD "end rows=1\nend rows=1\n", "line 4", "after the 'end' row");
	ASSERT_REFUSED(HEAD "\x1b[2J\nend rows=1\n", "unknown row '?[2J'", "update hangdog");
	ASSERT_REFUSED(HEAD "proc 0 shoe_size=44\nend rows=2\n", "unknown field 'shoe_size'", "update hangdog");
	ASSERT_REFUSED(HEAD "\nend rows=1\n", "line 3");
	ASSERT_REFUSED(HEAD "\tcommand\nend rows=2\n", "no text=");
}

Test(snapshot_io, rows_in_the_wrong_place_are_refused, .timeout = 10)
{
	ASSERT_REFUSED("hangdog.snapshot/1\nproc 0\n", "line 2", "'snapshot' row must be the first");
	ASSERT_REFUSED(HEAD "snapshot\nend rows=2\n", "line 3", "first and only");
	ASSERT_REFUSED(HEAD "\tthread 0\nend rows=2\n", "line 3", "'thread' row belongs to nothing");
	ASSERT_REFUSED(HEAD "proc 0\n\t\tframe\nend rows=3\n", "'frame' row belongs to nothing");
	ASSERT_REFUSED(HEAD "proc 0\n\t\tword\nend rows=3\n", "'word' row");
	ASSERT_REFUSED(HEAD "proc 0\n\tother\nend rows=3\n", "'other' row");
	ASSERT_REFUSED(HEAD "object 0\n\targ text=x\nend rows=3\n", "'arg' row");
	ASSERT_REFUSED(HEAD "proc 0\n\tfork\n\tfork\nend rows=4\n", "second 'fork'");
}

Test(snapshot_io, references_out_of_range_are_refused, .timeout = 10)
{
	ASSERT_REFUSED(HEAD "proc 0 parent=7\nend rows=2\n", "contradicts itself", "parent");
	ASSERT_REFUSED(HEAD "proc 0\n\tthread 0\n\t\ton object=0\nend rows=4\n", "refers to something that is not there");
	ASSERT_REFUSED(HEAD "proc 0\n\tthread 0\n\t\tword sharers_object=3\nend rows=4\n", "thread row refers");
	ASSERT_REFUSED(HEAD "object 0 peer=1\nend rows=2\n", "object row refers");
	ASSERT_REFUSED(HEAD "object 0\n\tholder proc=0\nend rows=3\n", "object row refers");
	ASSERT_REFUSED(HEAD "object 0\n\twatch object=9\nend rows=3\n", "object row refers");
}

Test(snapshot_io, text_need_not_end_with_a_zero, .timeout = 10)
{
	/* A copy on the heap without terminator, so that a sanitizer sees reads behind the end. */
	static const char text[] = HEAD "proc 0 pid=1\nend rows=2\n";
	size_t len = sizeof(text) - 1;
	char *exact = malloc(len);
	memcpy(exact, text, len);
	struct hd_snapshot *snap = NULL;
	cr_assert_eq(hd_snapshot_read(exact, len, &snap, NULL), 0);
	cr_assert_eq(snap->procs[0].pid, 1);
	hd_snapshot_free(snap);
	exact[len - 2] = '\0';
	cr_assert_lt(hd_snapshot_read(exact, len, &snap, NULL), 0);
	free(exact);
}
