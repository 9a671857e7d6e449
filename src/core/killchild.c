#include "hangdog/killchild.h"

#include <inttypes.h>
#include <string.h>

static bool is_victim(const struct hd_verdict *v, uint32_t proc)
{
	for (uint32_t i = 0; i < v->n_culprits; i++) {
		if (v->culprits[i] == proc)
			return true;
	}
	return false;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = text != NULL ? strlen(text) : 0, m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

/* multiprocessing.Pool starts another worker for one that died, and never tells whoever waits for the lost task
 * (Lib/multiprocessing/pool.py, _maintain_pool; CPython issue 66587). */
static bool is_pool_worker(const struct hd_snapshot *snap, const struct hd_proc *pr)
{
	for (uint32_t t = pr->first_thread; t < pr->first_thread + pr->n_threads; t++) {
		const struct hd_stack *stack = &snap->threads[t].stack;
		for (uint32_t i = 0; i < stack->n; i++) {
			const struct hd_frame *f = &stack->at[i];
			if (f->kind == HD_FRAME_PYTHON && ends_with(f->file, "multiprocessing/pool.py") && ends_with(f->function, "worker"))
				return true;
		}
	}
	return false;
}

/* The last writer of a pipe, or its last reader, is gone: whoever waits at the other end is told. */
static bool loses_an_end(const struct hd_object *before, const struct hd_object *after)
{
	bool had_writer = false, had_reader = false, has_writer = false, has_reader = false;
	if (before->kind != HD_OBJ_PIPE)
		return false;
	for (uint32_t i = 0; i < before->n_holders; i++) {
		had_writer |= before->holders[i].writes;
		had_reader |= before->holders[i].reads;
	}
	for (uint32_t i = 0; i < after->n_holders; i++) {
		has_writer |= after->holders[i].writes;
		has_reader |= after->holders[i].reads;
	}
	return (had_writer && !has_writer) || (had_reader && !has_reader);
}

/* The objects, without what the victims hold. */
static struct hd_object *objects_without(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena)
{
	struct hd_object *objects = HD_NEW_N(arena, (size_t)snap->n_objects + 1, struct hd_object);
	for (uint32_t i = 0; i < snap->n_objects; i++) {
		struct hd_object *o = &objects[i];
		*o = snap->objects[i];
		o->holders = HD_NEW_N(arena, (size_t)o->n_holders + 1, struct hd_holder);
		o->n_holders = 0;
		for (uint32_t k = 0; k < snap->objects[i].n_holders; k++) {
			if (!is_victim(v, snap->objects[i].holders[k].proc))
				o->holders[o->n_holders++] = snap->objects[i].holders[k];
		}
		o->is_ready |= loses_an_end(&snap->objects[i], o);
	}
	return objects;
}

/* The tree as it will be right after: the victims have ended and hold nothing. */
static struct hd_snapshot snapshot_without(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena)
{
	struct hd_snapshot rest = *snap;
	rest.procs = hd_arena_dup(arena, snap->procs, snap->n_procs * sizeof(*snap->procs));
	rest.threads = hd_arena_dup(arena, snap->threads, snap->n_threads * sizeof(*snap->threads));
	rest.objects = objects_without(snap, v, arena);
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		if (!is_victim(v, snap->threads[t].proc))
			continue;
		rest.threads[t].state = 'Z';
		rest.threads[t].call_known = false;
		rest.procs[snap->threads[t].proc].state = 'Z';
	}
	return rest;
}

/* Somebody who hangs now and would still hang; HD_NONE. */
static uint32_t still_stuck(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena)
{
	struct hd_snapshot rest = snapshot_without(snap, v, arena);
	const struct hd_verdict *then = hd_decide(&rest, arena);
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		uint32_t p = snap->threads[t].proc;
		if (!is_victim(v, p) && snap->procs[p].in_tree && then->threads[t].certainty >= HD_CERT_OWNED)
			return p;
	}
	return HD_NONE;
}

static const char *why_not(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena)
{
	if (v->kind != HD_VERDICT_DEADLOCK || v->n_culprits == 0)
		return "nothing is proven to hang";
	for (uint32_t i = 0; i < v->n_culprits; i++) {
		const struct hd_proc *pr = &snap->procs[v->culprits[i]];
		if (pr->pid == snap->root)
			return "the command itself is stuck, not a child of it";
		if (!pr->in_tree)
			return hd_arena_printf(arena, "process %" PRId32 " is none of the guarded tree", pr->pid);
		if (is_pool_worker(snap, pr))
			return hd_arena_printf(arena, "process %" PRId32 " is a worker of a multiprocessing.Pool, which never notices that a "
					       "worker died: whoever waits for its result would wait for ever", pr->pid);
	}
	uint32_t stuck = still_stuck(snap, v, arena);
	if (stuck != HD_NONE)
		return hd_arena_printf(arena, "process %" PRId32 " would still be stuck without it", snap->procs[stuck].pid);
	return NULL;
}

struct hd_kill_child hd_kill_child_plan(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_arena *arena)
{
	return (struct hd_kill_child){.procs = v->culprits, .n = v->n_culprits, .refusal = why_not(snap, v, arena)};
}
