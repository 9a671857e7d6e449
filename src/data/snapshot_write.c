#include "hangdog/snapshot_io.h"

#include <inttypes.h>
#include <string.h>

#include "snapshot_rows.h"

/* Printable ASCII stays; everything else, blank and % included, becomes %XX: one row is one line of plain text. */
static void put_text(struct hd_buf *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p > ' ' && *p < 0x7f && *p != '%')
			hd_buf_char(out, (char)*p);
		else
			hd_buf_printf(out, "%%%02X", *p);
	}
}

static void put_args(struct hd_buf *out, const char *name, const uint64_t args[HD_ARGS])
{
	static const uint64_t none[HD_ARGS];
	if (memcmp(args, none, sizeof(none)) == 0)
		return;
	hd_buf_printf(out, " %s=", name);
	for (unsigned i = 0; i < HD_ARGS; i++)
		hd_buf_printf(out, "%s0x%" PRIx64, i != 0 ? "," : "", args[i]);
}

static void put_number(struct hd_buf *out, const struct field *f, int64_t value)
{
	hd_buf_printf(out, " %s=", f->name);
	if (f->type == F_ENUM)
		hd_buf_str(out, f->names[value]); /* a table index: the gatherer writes no other */
	else if (f->type == F_HEX)
		hd_buf_printf(out, "0x%" PRIx64, (uint64_t)value);
	else if (f->type == F_U64)
		hd_buf_printf(out, "%" PRIu64, (uint64_t)value);
	else if (f->type == F_CHAR)
		put_text(out, (char[]){(char)value, '\0'});
	else
		hd_buf_printf(out, "%" PRId64, value);
}

static void put_field(struct hd_buf *out, const struct field *f, const void *value)
{
	const void *at = (const char *)value + f->offset;
	if (f->type == F_ARGS) {
		put_args(out, f->name, at);
	} else if (f->type == F_TEXT) {
		const char *text = *(const char *const *)at;
		if (text == NULL)
			return;
		hd_buf_printf(out, " %s=", f->name);
		put_text(out, text);
	} else if (hd_field_get(f, value) != f->otherwise) {
		put_number(out, f, hd_field_get(f, value));
	}
}

struct writer {
	struct hd_buf *out;
	uint32_t rows;
};

static void put_row(struct writer *w, enum row row, uint32_t index, const void *value)
{
	const struct row_type *type = &hd_snapshot_rows[row];
	for (unsigned i = 0; i < type->depth; i++)
		hd_buf_char(w->out, '\t');
	hd_buf_str(w->out, type->name);
	if (type->is_numbered)
		hd_buf_printf(w->out, " %" PRIu32, index);
	for (uint32_t i = 0; i < type->n_fields; i++)
		put_field(w->out, &type->fields[i], value);
	hd_buf_char(w->out, '\n');
	w->rows++;
}

static void put_strings(struct writer *w, enum row row, const char *const *strings)
{
	for (uint32_t i = 0; strings != NULL && strings[i] != NULL; i++)
		put_row(w, row, i, &(struct text_row){strings[i]});
}

static void put_refs(struct writer *w, enum row row, const uint32_t *refs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put_row(w, row, i, &(struct ref_row){refs[i]});
}

static void put_stack(struct writer *w, const struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n; i++)
		put_row(w, ROW_FRAME, i, &stack->at[i]);
}

static void put_fork(struct writer *w, const struct hd_fork *fork)
{
	put_row(w, ROW_FORK, 0, fork);
	put_stack(w, &fork->stack);
	for (uint32_t i = 0; i < fork->n_others; i++) {
		put_row(w, ROW_OTHER, i, &fork->others[i]);
		put_stack(w, &fork->others[i].stack);
	}
}

/* True if the row would hold nothing but its name. */
static bool is_blank(enum row row, const void *value)
{
	struct hd_buf text HD_CLEAN_BUF = {0};
	for (uint32_t i = 0; i < hd_snapshot_rows[row].n_fields && text.len == 0; i++)
		put_field(&text, &hd_snapshot_rows[row].fields[i], value);
	return text.len == 0;
}

static void put_thread(struct writer *w, const struct hd_snapshot *snap, uint32_t t)
{
	const struct hd_thread *thread = &snap->threads[t];
	put_row(w, ROW_THREAD, t, thread);
	for (uint32_t i = 0; i < thread->n_words; i++)
		put_row(w, ROW_WORD, i, &thread->words[i]);
	put_refs(w, ROW_ON, thread->objects, thread->n_objects);
	if (!is_blank(ROW_LOCK, &thread->lock))
		put_row(w, ROW_LOCK, 0, &thread->lock);
	put_stack(w, &thread->stack);
}

static void put_proc(struct writer *w, const struct hd_snapshot *snap, uint32_t p)
{
	const struct hd_proc *proc = &snap->procs[p];
	put_row(w, ROW_PROC, p, proc);
	put_strings(w, ROW_ARG, proc->argv);
	if (proc->fork != NULL)
		put_fork(w, proc->fork);
	for (uint32_t i = 0; i < proc->n_threads; i++)
		put_thread(w, snap, proc->first_thread + i);
}

void hd_snapshot_write(const struct hd_snapshot *snap, struct hd_buf *out)
{
	struct writer w = {.out = out};
	hd_buf_printf(out, HD_SNAPSHOT_MAGIC "%d\n", HD_SNAPSHOT_VERSION);
	put_row(&w, ROW_SNAPSHOT, 0, snap);
	put_strings(&w, ROW_COMMAND, snap->command);
	for (uint32_t i = 0; i < snap->n_procs; i++)
		put_proc(&w, snap, i);
	for (uint32_t i = 0; i < snap->n_objects; i++) {
		const struct hd_object *object = &snap->objects[i];
		put_row(&w, ROW_OBJECT, i, object);
		for (uint32_t h = 0; h < object->n_holders; h++)
			put_row(&w, ROW_HOLDER, h, &object->holders[h]);
		put_refs(&w, ROW_WATCH, object->watched, object->n_watched);
	}
	for (uint32_t i = 0; i < snap->n_lost; i++)
		put_row(&w, ROW_LOST, i, &snap->lost[i]);
	put_row(&w, ROW_END, 0, &(struct end_row){w.rows});
}
