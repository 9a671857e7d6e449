#include "hangdog/merge.h"

#include <string.h>

/* What a native frame is to the evaluation of Python code (CPython Python/ceval.c). */
enum part {
	PART_NONE,
	PART_LOOP,    /* the evaluation loop itself: one call of it runs the Python frames up to an entry frame */
	PART_WRAPPER, /* calls the loop and nothing else; often compiled away */
	PART_HANDLER, /* 3.14+ built with tail calls: one instruction, on top of the loop's frame */
};

static const struct {
	const char *name;
	bool is_prefix;
	enum part part;
} part_table[] = {
	{"_PyEval_EvalFrameDefault", false, PART_LOOP},
	{"PyEval_EvalFrameEx", false, PART_WRAPPER},
	{"_PyEval_EvalFrame", false, PART_WRAPPER},
	{"_TAIL_CALL_", true, PART_HANDLER},
};

/* Compilers split and clone functions: NAME.cold, NAME.isra.0, NAME.constprop.0, NAME.localalias, NAME.lto_priv.0. */
static bool name_fits(const char *function, const char *name, bool is_prefix)
{
	size_t len = strlen(name);
	return strncmp(function, name, len) == 0 && (is_prefix || function[len] == '\0' || function[len] == '.');
}

static enum part part_by_name(const struct hd_frame *frame)
{
	const char *name = frame->function != NULL ? frame->function : frame->symbol;
	for (size_t i = 0; name != NULL && i < HD_COUNTOF(part_table); i++) {
		if (name_fits(name, part_table[i].name, part_table[i].is_prefix))
			return part_table[i].part;
	}
	return frame->is_pyeval ? PART_LOOP : PART_NONE;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Stripped interpreters do not name the loop, but from 3.12 on entry frames know an address in its native frame, which
 * reaches from where the frame inside it ends to its own end.  Frames inlined into one share its end and stand before
 * it. */
static enum part *parts_find(const struct hd_stack *native, const struct hd_stack *python, struct hd_arena *arena)
{
	enum part *parts = HD_NEW_N(arena, (size_t)native->n + 1, enum part);
	uint64_t low = 0, *entries = HD_NEW_N(arena, (size_t)python->n + 1, uint64_t);
	uint32_t n_entries = 0, next = 0;
	for (uint32_t k = 0; k < python->n; k++) {
		if (python->at[k].eval_sp != 0)
			entries[n_entries++] = python->at[k].eval_sp;
	}
	if (n_entries > 1)
		qsort(entries, n_entries, sizeof(*entries), by_address);
	for (uint32_t i = 0; i < native->n; i++) {
		uint64_t end = native->at[i].cfa;
		bool is_inlined = i + 1 < native->n && native->at[i + 1].cfa == end;
		parts[i] = part_by_name(&native->at[i]);
		if (end == 0 || is_inlined)
			continue;
		while (next < n_entries && entries[next] <= low)
			next++;
		if (next < n_entries && entries[next] < end)
			parts[i] = PART_LOOP;
		if (end < low) /* no order: the next one is searched from the beginning */
			next = 0;
		low = end;
	}
	return parts; /* one more than frames: PART_NONE */
}

/* A handler stands for nothing if the loop (or another handler) is what called it. */
static bool handler_is_covered(const enum part *outer)
{
	return *outer == PART_LOOP || *outer == PART_HANDLER;
}

/* How many Python frames the evaluation call that runs python->at[from] runs: up to and with the next entry frame. */
static uint32_t call_length(const struct hd_stack *python, uint32_t from)
{
	uint32_t n = 0;
	while (from + n < python->n && !python->at[from + n].is_pyeval)
		n++;
	return from + n < python->n ? n + 1 : n;
}

struct hd_stack hd_stack_merge(const struct hd_stack *native, const struct hd_stack *python, struct hd_arena *arena)
{
	struct hd_stack ret = {
		.at = HD_NEW_N(arena, (size_t)native->n + python->n + 1, struct hd_frame),
		.is_complete = native->is_complete && python->is_complete,
		.is_partial = native->is_partial || python->is_partial,
	};
	const enum part *parts = parts_find(native, python, arena);
	uint32_t next = 0; /* first Python frame that has no place yet */
	enum part inner = PART_NONE;
	for (uint32_t i = 0; i < native->n; i++) {
		enum part part = parts[i];
		bool is_call =
			part == PART_LOOP || (part == PART_WRAPPER && inner != PART_LOOP && inner != PART_WRAPPER);
		uint32_t n = is_call ? call_length(python, next) : 0;
		bool is_silent = n != 0 || (part == PART_WRAPPER && !is_call) ||
				 (part == PART_HANDLER && handler_is_covered(&parts[i + 1]));
		if (!is_silent)
			ret.at[ret.n++] = native->at[i];
		for (uint32_t k = 0; k < n; k++)
			ret.at[ret.n++] = python->at[next++];
		inner = part;
	}
	while (next < python->n)
		ret.at[ret.n++] = python->at[next++];
	return ret;
}
