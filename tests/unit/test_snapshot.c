#include <criterion/criterion.h>
#include <string.h>

#include "hangdog/snapshot.h"
#include "hangdog/wait.h"

/* Two processes: pid 10 with threads 10, 11; pid 20 with thread 20. */
static struct hd_snapshot *two_processes(void)
{
	static const int32_t tids[] = {10, 11, 20};
	struct hd_snapshot *s = hd_snapshot_new();
	s->n_procs = 2;
	s->procs = HD_NEW_N(s->arena, 2, struct hd_proc);
	s->procs[0] = (struct hd_proc){.pid = 10, .parent = HD_NONE, .n_threads = 2};
	s->procs[1] = (struct hd_proc){.pid = 20, .parent = 0, .first_thread = 2, .n_threads = 1};
	s->n_threads = 3;
	s->threads = HD_NEW_N(s->arena, 3, struct hd_thread);
	for (uint32_t t = 0; t < 3; t++)
		s->threads[t] = (struct hd_thread){.tid = tids[t], .proc = t / 2};
	s->n_objects = 1;
	s->objects = HD_NEW(s->arena, struct hd_object);
	s->objects[0].peer = HD_NONE;
	return s;
}

Test(snapshot, a_sound_one_passes_and_is_searched_by_number, .timeout = 10)
{
	struct hd_snapshot *s = two_processes();
	const char *why;
	cr_assert_eq(hd_snapshot_check(s, &why), 0);
	cr_assert_eq(hd_snapshot_proc(s, 20), 1);
	cr_assert_eq(hd_snapshot_thread(s, 11), 1);
	cr_assert_eq(hd_snapshot_thread(s, 12), HD_NONE);
	hd_snapshot_free(s);
	hd_snapshot_free(NULL);
}

static void overlap(struct hd_snapshot *s) { s->procs[1].first_thread = 1; }
static void own_all(struct hd_snapshot *s) { s->procs[0].n_threads = UINT32_MAX; }
static void foreign_thread(struct hd_snapshot *s) { s->threads[0].proc = 1; }
static void no_process(struct hd_snapshot *s) { s->threads[2].proc = 2; }
static void bad_parent(struct hd_snapshot *s) { s->procs[1].parent = 2; }
static void bad_lock(struct hd_snapshot *s) { s->threads[0].lock.kind = HD_LOCK_COUNT; }
static void bad_peer(struct hd_snapshot *s) { s->objects[0].peer = 1; }
static void bad_kind(struct hd_snapshot *s) { s->objects[0].kind = HD_OBJ_COUNT; }
static void bad_wait(struct hd_snapshot *s)
{
	s->threads[0].objects = HD_NEW(s->arena, uint32_t);
	s->threads[0].objects[0] = 1;
	s->threads[0].n_objects = 1;
}
static void bad_holder(struct hd_snapshot *s)
{
	s->objects[0].holders = HD_NEW(s->arena, struct hd_holder);
	s->objects[0].holders[0].proc = 2;
	s->objects[0].n_holders = 1;
}
static void too_many(struct hd_snapshot *s) { s->n_procs = HD_PROCS_MAX + 1; }

Test(snapshot, every_reference_out_of_range_is_refused, .timeout = 10)
{
	static void (*const damage[])(struct hd_snapshot *) = {overlap,	 own_all,  foreign_thread, no_process, bad_parent, bad_lock,
							       bad_peer, bad_kind, bad_wait,	   bad_holder, too_many};
	for (size_t i = 0; i < HD_COUNTOF(damage); i++) {
		struct hd_snapshot *s = two_processes();
		const char *why = NULL;
		damage[i](s);
		cr_expect_lt(hd_snapshot_check(s, &why), 0, "damage %zu", i);
		cr_expect_not_null(why, "damage %zu", i);
		hd_snapshot_free(s);
	}
}

Test(snapshot, each_kind_has_words, .timeout = 10)
{
	for (int k = 0; k < HD_LOCK_COUNT; k++)
		cr_assert(hd_lock_json(k) != NULL && *hd_lock_words(k) != '\0');
	for (int k = 0; k < HD_WAIT_COUNT; k++)
		cr_assert(hd_wait_json(k) != NULL && *hd_wait_words(k) != '\0');
}
