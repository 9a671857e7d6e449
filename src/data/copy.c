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

static struct hd_fork_other copy_other(const struct hd_fork_other *other, struct hd_arena *arena)
{
	struct hd_fork_other ret = *other;
	ret.name = hd_arena_str(arena, other->name);
	ret.holds = hd_arena_str(arena, other->holds);
	ret.stack = hd_stack_copy(&other->stack, arena);
	return ret;
}

struct hd_fork *hd_fork_copy(const struct hd_fork *fork, struct hd_arena *arena)
{
	if (fork == NULL)
		return NULL;
	struct hd_fork *ret = hd_arena_dup(arena, fork, sizeof(*fork));
	ret->stack = hd_stack_copy(&fork->stack, arena);
	ret->raw = copy_raw(fork->raw, fork->n_others, arena);
	ret->others = HD_NEW_N(arena, fork->n_others, struct hd_fork_other);
	for (uint32_t i = 0; i < fork->n_others; i++)
		ret->others[i] = copy_other(&fork->others[i], arena);
	return ret;
}

#define OLDER_MAX 256u

/* A thread that was made since lives on this one's stack: only what was read at the older fork is left of it. */
static void older_drop_place(const struct hd_fork *fork, uint32_t n_own, struct hd_fork_other *older, struct hd_fork_raw_other *raw)
{
	for (uint32_t i = 0; i < n_own && older->tls != 0; i++) {
		if (fork->others[i].tls != older->tls)
			continue;
		older->tls = older->sp = older->pc = 0;
		older->how = raw->python.n != 0 ? HD_HOW_PYTHON : HD_HOW_UNKNOWN;
		raw->regs = (struct hd_regs){0};
	}
}

void hd_fork_add_older(struct hd_fork *fork, const struct hd_fork *older, struct hd_arena *arena)
{
	if (fork->raw == NULL || older->raw == NULL || older->n_others == 0)
		return;
	uint32_t n_own = fork->n_others, n_older = older->n_others < OLDER_MAX ? older->n_others : OLDER_MAX;
	struct hd_fork_raw *raw = hd_arena_dup(arena, fork->raw, sizeof(*raw));
	struct hd_fork_other *others = HD_NEW_N(arena, (size_t)n_own + n_older, struct hd_fork_other);
	raw->others = HD_NEW_N(arena, (size_t)n_own + n_older, struct hd_fork_raw_other);
	for (uint32_t i = 0; i < n_own; i++) {
		others[i] = fork->others[i];
		raw->others[i] = fork->raw->others[i];
	}
	for (uint32_t i = 0; i < n_older; i++) {
		struct hd_fork_other *other = &others[n_own + i];
		struct hd_fork_raw_other *place = &raw->others[n_own + i];
		*other = copy_other(&older->others[i], arena);
		*place = older->raw->others[i];
		place->python = hd_stack_copy(&place->python, arena);
		other->pid = other->pid != 0 ? other->pid : older->parent_pid;
		older_drop_place(fork, n_own, other, place);
	}
	fork->others = others;
	fork->n_others = n_own + n_older;
	fork->raw = raw;
}
