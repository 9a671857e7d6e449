#include "hangdog/copy.h"

#include "hangdog/forkev.h"

static const char *const *copy_texts(const char *const *texts, struct hd_arena *arena)
{
	size_t n = 0;
	while (texts != NULL && texts[n] != NULL)
		n++;
	if (n == 0)
		return NULL;
	const char **ret = HD_NEW_N(arena, n + 1, const char *);
	for (size_t i = 0; i < n; i++)
		ret[i] = hd_arena_str(arena, texts[i]);
	return ret;
}

struct hd_stack hd_stack_copy(const struct hd_stack *stack, struct hd_arena *arena)
{
	struct hd_stack ret = *stack;
	ret.at = hd_arena_dup(arena, stack->at, stack->n * sizeof(*stack->at));
	for (uint32_t i = 0; i < stack->n; i++) {
		struct hd_frame *f = &ret.at[i];
		f->function = hd_arena_str(arena, f->function);
		f->module = hd_arena_str(arena, f->module);
		f->file = hd_arena_str(arena, f->file);
		f->symbol = hd_arena_str(arena, f->symbol);
		f->locals = copy_texts(f->locals, arena);
		f->called_as = hd_arena_str(arena, f->called_as);
	}
	return ret;
}

static struct hd_fork_raw *copy_raw(const struct hd_fork_raw *raw, uint32_t n_others, struct hd_arena *arena)
{
	if (raw == NULL)
		return NULL;
	struct hd_fork_raw *ret = hd_arena_dup(arena, raw, sizeof(*raw));
	ret->stack = hd_arena_dup(arena, raw->stack, raw->stack_len);
	ret->python = hd_stack_copy(&raw->python, arena);
	ret->words = hd_arena_dup(arena, raw->words, raw->n_words * sizeof(*raw->words));
	if (raw->others != NULL) {
		ret->others = hd_arena_dup(arena, raw->others, n_others * sizeof(*raw->others));
		for (uint32_t i = 0; i < n_others; i++)
			ret->others[i].python = hd_stack_copy(&raw->others[i].python, arena);
	}
	return ret;
}

struct hd_fork *hd_fork_copy(const struct hd_fork *fork, struct hd_arena *arena)
{
	if (fork == NULL)
		return NULL;
	struct hd_fork *ret = hd_arena_dup(arena, fork, sizeof(*fork));
	ret->stack = hd_stack_copy(&fork->stack, arena);
	ret->raw = copy_raw(fork->raw, fork->n_others, arena);
	ret->others = hd_arena_dup(arena, fork->others, fork->n_others * sizeof(*fork->others));
	for (uint32_t i = 0; i < fork->n_others; i++) {
		ret->others[i].name = hd_arena_str(arena, fork->others[i].name);
		ret->others[i].holds = hd_arena_str(arena, fork->others[i].holds);
		ret->others[i].stack = hd_stack_copy(&fork->others[i].stack, arena);
	}
	return ret;
}
