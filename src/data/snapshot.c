#include "hangdog/snapshot.h"

#include <errno.h>

#include "hangdog/wait.h"

struct kind_text {
	const char *json, *words;
};

static const struct kind_text lock_texts[] = {
#define X(c, j, w) [c] = {j, w},
	HD_LOCK_KINDS(X)
#undef X
};

static const struct kind_text wait_texts[] = {
#define X(c, j, w) [c] = {j, w},
	HD_WAIT_KINDS(X)
#undef X
};

const char *hd_lock_json(enum hd_lock_kind kind)
{
	return lock_texts[kind].json;
}

const char *hd_lock_words(enum hd_lock_kind kind)
{
	return lock_texts[kind].words;
}

const char *hd_wait_json(enum hd_wait_kind kind)
{
	return wait_texts[kind].json;
}

const char *hd_wait_words(enum hd_wait_kind kind)
{
	return wait_texts[kind].words;
}

struct hd_snapshot *hd_snapshot_new(void)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_snapshot *snap = HD_NEW(arena, struct hd_snapshot);
	snap->arena = arena;
	return snap;
}

void hd_snapshot_free(struct hd_snapshot *snap)
{
	if (snap != NULL)
		hd_arena_free(snap->arena);
}

uint32_t hd_snapshot_proc(const struct hd_snapshot *snap, int32_t pid)
{
	for (uint32_t i = 0; i < snap->n_procs; i++) {
		if (snap->procs[i].pid == pid)
			return i;
	}
	return HD_NONE;
}

uint32_t hd_snapshot_thread(const struct hd_snapshot *snap, int32_t tid)
{
	for (uint32_t i = 0; i < snap->n_threads; i++) {
		if (snap->threads[i].tid == tid)
			return i;
	}
	return HD_NONE;
}

static bool index_ok(uint32_t index, uint32_t n)
{
	return index == HD_NONE || index < n;
}

static bool threads_ok(const struct hd_snapshot *snap)
{
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		const struct hd_thread *th = &snap->threads[t];
		if (th->proc >= snap->n_procs || t - snap->procs[th->proc].first_thread >= snap->procs[th->proc].n_threads)
			return false;
		if ((unsigned)th->lock.kind >= HD_LOCK_COUNT || (unsigned)th->lock.confidence > HD_CONF_HIGH)
			return false;
		for (uint32_t i = 0; i < th->n_words; i++) {
			if (!index_ok(th->words[i].sharers_object, snap->n_objects))
				return false;
		}
		for (uint32_t i = 0; i < th->n_objects; i++) {
			if (th->objects[i] >= snap->n_objects)
				return false;
		}
	}
	return true;
}

static bool objects_ok(const struct hd_snapshot *snap)
{
	for (uint32_t o = 0; o < snap->n_objects; o++) {
		const struct hd_object *ob = &snap->objects[o];
		if ((unsigned)ob->kind >= HD_OBJ_COUNT || !index_ok(ob->peer, snap->n_objects))
			return false;
		for (uint32_t i = 0; i < ob->n_holders; i++) {
			if (ob->holders[i].proc >= snap->n_procs)
				return false;
		}
		for (uint32_t i = 0; i < ob->n_watched; i++) {
			if (ob->watched[i] >= snap->n_objects)
				return false;
		}
	}
	return true;
}

static bool procs_ok(const struct hd_snapshot *snap)
{
	uint64_t next = 0;
	for (uint32_t p = 0; p < snap->n_procs; p++) {
		const struct hd_proc *pr = &snap->procs[p];
		/* Threads lie contiguously and in the order of their processes. */
		if (pr->first_thread != next || !index_ok(pr->parent, snap->n_procs))
			return false;
		next += pr->n_threads;
	}
	return next == snap->n_threads;
}

int hd_snapshot_check(const struct hd_snapshot *snap, const char **why)
{
	*why = NULL;
	if (snap->n_procs > HD_PROCS_MAX || snap->n_threads > HD_THREADS_MAX || snap->n_objects > HD_OBJECTS_MAX)
		*why = "it has more rows than hangdog ever writes";
	else if (!procs_ok(snap))
		*why = "a process row does not fit its threads or its parent";
	else if (!threads_ok(snap))
		*why = "a thread row refers to something that is not there";
	else if (!objects_ok(snap))
		*why = "an object row refers to something that is not there";
	return *why != NULL ? -EINVAL : 0;
}
