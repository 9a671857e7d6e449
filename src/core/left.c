#include "core/left.h"

#include <inttypes.h>
#include <string.h>

#include "report_words.h"

/* multiprocessing/connection.py: a message is its length, 4 bytes (or 4 and then 8), then the message.  Its reader asks for
 * exactly what is missing. */
#define HEADER_SHORT 4u
#define HEADER_LONG 8u

static bool is_function(const struct hd_frame *f, const char *name)
{
	const char *dot = f->function != NULL ? strrchr(f->function, '.') : NULL;
	return f->function != NULL && strcmp(dot != NULL ? dot + 1 : f->function, name) == 0;
}

/* Inside Connection._recv, wherever the interpreter's own frames stand. */
static bool reads_a_message(const struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		const struct hd_frame *f = &stack->at[i];
		if (f->kind != HD_FRAME_PYTHON)
			continue;
		return is_function(f, "_recv") && f->file != NULL && strstr(f->file, "connection.py") != NULL;
	}
	return false;
}

static bool is_lock_left(const struct hd_thread *th)
{
	return th->lock.is_held && th->lock.held_by_living == HD_NO;
}

static bool is_message_left(const struct hd_thread *th, const struct hd_thread_verdict *tv)
{
	bool is_stream = tv->wait.kind == HD_WAIT_PIPE || tv->wait.kind == HD_WAIT_SOCKET;
	return is_stream && tv->certainty != HD_CERT_NONE && th->call_known && !th->objects_want_write && th->n_objects == 1 &&
	       th->args[2] != HEADER_SHORT && th->args[2] != HEADER_LONG && reads_a_message(&th->stack);
}

static const char *lock_clause(const struct hd_snapshot *snap, uint32_t t, struct hd_arena *arena)
{
	struct hd_buf lock HD_CLEAN_BUF = {0}, who HD_CLEAN_BUF = {0};
	hd_words_lock(&snap->threads[t], &lock);
	hd_words_thread(snap, t, &who);
	return hd_arena_printf(arena, "%s, stayed taken: no living process holds it, and %s waits for it", hd_buf_text(&lock), hd_buf_text(&who));
}

static const char *message_clause(const struct hd_snapshot *snap, uint32_t t, struct hd_arena *arena)
{
	const struct hd_thread *th = &snap->threads[t];
	const char *label = snap->objects[th->objects[0]].label;
	struct hd_buf who HD_CLEAN_BUF = {0};
	hd_words_thread(snap, t, &who);
	return hd_arena_printf(arena, "a message in %s stayed unfinished: %s waits for its last %" PRIu64 " bytes",
			       label != NULL ? label : "a pipe", hd_buf_text(&who), th->args[2]);
}

/* Many wait for the same lock: it is told once. */
static bool is_told(const struct hd_snapshot *snap, uint32_t t)
{
	const struct hd_word *word = &snap->threads[t].words[0];
	for (uint32_t i = 0; i < t; i++) {
		const struct hd_thread *th = &snap->threads[i];
		if (is_lock_left(th) && th->n_words == 1 && th->words[0].ino == word->ino && th->words[0].offset == word->offset)
			return true;
	}
	return false;
}

uint32_t hd_left_behind(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena,
			const char *ret_clauses[HD_LEFT_MAX])
{
	uint32_t n = 0;
	for (uint32_t t = 0; t < snap->n_threads && n < HD_LEFT_MAX; t++) {
		const struct hd_thread *th = &snap->threads[t];
		if (is_lock_left(th) && th->n_words == 1 && !is_told(snap, t))
			ret_clauses[n++] = lock_clause(snap, t, arena);
		else if (is_message_left(th, &v->threads[t]))
			ret_clauses[n++] = message_clause(snap, t, arena);
	}
	return n;
}
