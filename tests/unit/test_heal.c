/* What is freed and how, and what is refused: plans from snapshots and words in memory. */
#include <criterion/criterion.h>

#include "../lib/sample.h"
#include "hangdog/heal.h"
#include "hangdog/locks.h"

#define AT 0x601000u
#define OWNER 4002u

/* Process 4000 with a second thread 4002 forked 5000, which waits for a lock. */
struct scene {
	struct hd_snapshot *snap;
	struct hd_thread *waiter;
	uint32_t words[16]; /* at AT */
	struct hd_mem_layer mem;
	struct hd_verdict *v;
	struct hd_heal heal;
	uint32_t *targets, n;
	const char *refusal;
};

static void scene_begin(struct scene *s, enum hd_lock_kind kind, enum hd_lock_layout layout, uint64_t word)
{
	s->snap = sample_new();
	sample_proc(s->snap, 4000, 1, "prog", "prog", NULL);
	sample_wait_child(sample_thread(s->snap, 4000, "prog", 'S'), 5000);
	sample_thread(s->snap, 4002, "holder", 'R');
	sample_proc(s->snap, 5000, 4000, "prog", "prog", NULL);
	struct hd_fork *fork = sample_fork(s->snap, 4000, 4000, 1);
	fork->others[0].tid = fork->others[0].ns_tid = OWNER;
	s->waiter = sample_thread(s->snap, 5000, "prog", 'S');
	struct hd_lock *lock = sample_futex(s->snap, s->waiter, word, kind);
	lock->base = AT;
	lock->layout = layout;
	lock->name = "registry_lock (in prog)";
	s->waiter->sp = 0x7ffd1000;
	hd_mem_layer_init(&s->mem, NULL, AT, s->words, sizeof(s->words));
}

static void owned(struct scene *s)
{
	s->waiter->lock.owner_tid = OWNER;
	s->waiter->lock.owner_exists = HD_YES;
	s->waiter->lock.owner_releases = true;
}

static const char *plan(struct scene *s)
{
	s->v = hd_decide(s->snap, s->snap->arena);
	s->n = hd_heal_targets(s->snap, s->v, s->snap->arena, &s->targets, &s->refusal);
	if (s->n == 0)
		return s->refusal;
	cr_assert_eq(s->n, 1);
	return hd_heal_plan(s->snap, s->v, s->targets[0], &s->mem.mem, s->snap->arena, &s->heal);
}

static void expect_write(const struct scene *s, unsigned i, uint64_t offset, unsigned len, uint64_t value)
{
	cr_assert_lt(i, s->heal.n_writes);
	const struct hd_heal_write *w = &s->heal.writes[i];
	cr_expect_eq(w->addr, AT + offset, "write %u at %#lx", i, (unsigned long)w->addr);
	cr_expect_eq(w->len, len);
	cr_expect_eq(w->value, value, "write %u of %#lx", i, (unsigned long)w->value);
	uint64_t now = 0;
	memcpy(&now, (const char *)s->words + offset, len);
	cr_expect_eq(w->expected, now);
}

static void scene_end(struct scene *s)
{
	hd_snapshot_free(s->snap);
}

Test(heal, a_mutex_is_freed_with_its_lock_word_last, .timeout = 10)
{
	struct scene s = {.words = {2, 0, OWNER, 3, 0}};
	scene_begin(&s, HD_LOCK_MUTEX, HD_LAYOUT_GLIBC_MUTEX, AT);
	owned(&s);
	cr_assert_null(plan(&s));
	cr_expect_eq(s.heal.n_writes, 3);
	expect_write(&s, 0, 8, 8, UINT64_C(2) << 32); /* no owner, two waiters of a condition variable left */
	expect_write(&s, 1, 4, 4, 0);
	expect_write(&s, 2, 0, 4, 0);
	cr_expect_eq(s.heal.tid, 5000);
	cr_expect_eq(s.heal.sp, 0x7ffd1000);
	cr_expect_not(s.heal.breaks_call);
	cr_expect_str_eq(s.heal.what, "registry_lock (in prog), a mutex, in process 5000");
	cr_expect_not_null(strstr(s.heal.danger, "thread 4002"));
	scene_end(&s);
}

Test(heal, a_robust_mutex_names_its_owner_in_the_word, .timeout = 10)
{
	struct scene s = {.words = {OWNER | 0x80000000u, 1, OWNER, 1, 0x90}};
	scene_begin(&s, HD_LOCK_MUTEX, HD_LAYOUT_GLIBC_MUTEX, AT);
	owned(&s);
	s.waiter->lock.is_robust = true;
	cr_assert_null(plan(&s));
	expect_write(&s, 2, 0, 4, 0);
	s.words[2] = 77;
	cr_assert_not_null(plan(&s));
	scene_end(&s);
}

Test(heal, mutexes_with_priorities_and_half_taken_ones_are_refused, .timeout = 10)
{
	static const uint32_t bad[][5] = {
		{2, 0, OWNER, 1, 0x20}, {2, 0, OWNER, 1, 0x40}, {0, 0, OWNER, 1, 0}, {2, 0, OWNER, 0, 0}, {1, 0, OWNER, 1, 0}};
	for (size_t i = 0; i < HD_COUNTOF(bad); i++) {
		struct scene s = {0};
		scene_begin(&s, HD_LOCK_MUTEX, HD_LAYOUT_GLIBC_MUTEX, AT);
		owned(&s);
		memcpy(s.words, bad[i], sizeof(bad[i]));
		cr_expect_not_null(plan(&s), "case %zu", i);
		scene_end(&s);
	}
}

/* A read-write lock is handed over as its last holder would have done it. */
static void rwlock_begin(struct scene *s, enum hd_lock_kind kind, uint64_t word)
{
	scene_begin(s, kind, HD_LAYOUT_GLIBC_RWLOCK, word);
	if (s->words[6] != 0)
		owned(s);
}

Test(heal, readers_that_wait_for_a_dead_writer_get_their_phase, .timeout = 10)
{
	struct scene s = {.words = {3 | 1 << 3, 0, 3, 1, 0, 0, OWNER}};
	rwlock_begin(&s, HD_LOCK_RWLOCK_READ, AT + 8);
	cr_assert_null(plan(&s));
	expect_write(&s, 0, 0x18, 4, 0);
	expect_write(&s, 1, 0xc, 4, 0);
	expect_write(&s, 2, 0, 4, 1 << 3);
	expect_write(&s, 3, 8, 4, 0);
	scene_end(&s);
}

Test(heal, a_writer_that_waits_for_a_dead_writer_comes_next, .timeout = 10)
{
	struct scene s = {.words = {3, 0, 1, 3, 0, 0, OWNER}};
	rwlock_begin(&s, HD_LOCK_RWLOCK_WRITE, AT + 0xc);
	cr_assert_null(plan(&s));
	expect_write(&s, 0, 0x18, 4, 0);
	expect_write(&s, 1, 0, 4, 1);
	expect_write(&s, 2, 0xc, 4, 0);
	scene_end(&s);
}

Test(heal, a_writer_that_waits_for_dead_readers_gets_its_phase, .timeout = 10)
{
	struct scene s = {.words = {2 | 1 << 3, 0, 2, 1}};
	rwlock_begin(&s, HD_LOCK_RWLOCK_WRITE, AT + 8);
	cr_assert_null(plan(&s));
	expect_write(&s, 0, 8, 4, 1);
	expect_write(&s, 1, 0, 4, 3);
	scene_end(&s);
}

Test(heal, a_rwlock_with_readers_and_writers_waiting_is_refused, .timeout = 10)
{
	struct scene s = {.words = {3 | 1 << 3, 1, 3, 3, 0, 0, OWNER}};
	rwlock_begin(&s, HD_LOCK_RWLOCK_READ, AT + 8);
	cr_assert_not_null(plan(&s));
	scene_end(&s);
}

Test(heal, a_python_lock_is_posted_once_and_an_rlock_forgets_its_owner, .timeout = 10)
{
	struct scene s = {.words = {0, 1}};
	scene_begin(&s, HD_LOCK_PYTHON, HD_LAYOUT_GLIBC_SEM, AT);
	s.waiter->lock.held_at_fork = HD_YES;
	s.waiter->lock.fork_owner_tid = (int32_t)OWNER;
	s.waiter->lock.fork_owner_confidence = HD_CONF_HIGH;
	cr_assert_null(plan(&s));
	cr_expect_eq(s.heal.n_writes, 1);
	expect_write(&s, 0, 0, 4, 1);
	s.waiter->lock.rlock = AT + 16;
	s.words[6] = 99;
	s.words[8] = 2;
	cr_assert_null(plan(&s));
	expect_write(&s, 0, 24, 8, 0);
	expect_write(&s, 1, 32, 8, 0);
	expect_write(&s, 2, 0, 4, 1);
	scene_end(&s);
}

Test(heal, a_parked_waiter_of_a_pymutex_has_to_look_again, .timeout = 10)
{
	struct scene s = {.words = {3}};
	scene_begin(&s, HD_LOCK_PYTHON, HD_LAYOUT_BYTE, 0x7ffd1040);
	cr_expect_not_null(plan(&s), "nobody was seen with it");
	s.waiter->lock.held_at_fork = HD_YES;
	s.waiter->lock.fork_owner_tid = (int32_t)OWNER;
	s.waiter->lock.fork_owner_confidence = HD_CONF_HIGH;
	cr_assert_null(plan(&s));
	expect_write(&s, 0, 0, 1, 2);
	cr_expect(s.heal.breaks_call);
	scene_end(&s);
}

Test(heal, the_thread_that_forked_is_no_orphan, .timeout = 10)
{
	struct scene s = {.words = {2, 0, 4000, 1, 0}};
	scene_begin(&s, HD_LOCK_MUTEX, HD_LAYOUT_GLIBC_MUTEX, AT);
	owned(&s);
	s.waiter->lock.owner_tid = 4000;
	cr_assert_not_null(plan(&s));
	scene_end(&s);
}

Test(heal, a_lock_of_the_c_library_is_freed_unless_the_process_may_hold_it_itself, .timeout = 10)
{
	struct scene s = {.words = {2}};
	scene_begin(&s, HD_LOCK_LIBC, HD_LAYOUT_WORD, AT);
	s.waiter->lock.api = "localtime_r";
	cr_assert_null(plan(&s));
	cr_expect_eq(s.heal.n_writes, 1);
	expect_write(&s, 0, 0, 4, 0);
	s.snap->procs[1].fork->stack = sample_stack(s.snap, "fork@/lib/libc.so.6\nmain@/bin/prog\nlocaltime_r@/lib/libc.so.6");
	cr_expect_not_null(plan(&s));
	s.snap->procs[1].fork->stack.n = 0;
	s.waiter->stack = sample_stack(s.snap, "localtime_r@/lib/libc.so.6\n?@/lib/libc.so.6\nmain@/bin/prog");
	s.waiter->stack.at[1].is_signal = true;
	cr_expect_not_null(plan(&s));
	scene_end(&s);
}

Test(heal, what_is_no_lock_or_no_certain_one_is_refused, .timeout = 10)
{
	static const enum hd_lock_kind kinds[] = {HD_LOCK_CONDITION, HD_LOCK_BARRIER, HD_LOCK_JOIN, HD_LOCK_TEAM, HD_LOCK_PARKER,
						  HD_LOCK_ONCE, HD_LOCK_CXX_GUARD, HD_LOCK_MALLOC, HD_LOCK_GIL, HD_LOCK_SEMAPHORE,
						  HD_LOCK_UNKNOWN, HD_LOCK_FUTURE, HD_LOCK_COND_DESTROY};
	for (size_t i = 0; i < HD_COUNTOF(kinds); i++) {
		struct scene s = {.words = {2}};
		scene_begin(&s, kinds[i], HD_LAYOUT_WORD, AT);
		cr_expect_not_null(plan(&s), "kind %d", (int)kinds[i]);
		scene_end(&s);
	}
	struct scene s = {.words = {2, 0, OWNER, 1, 0}};
	scene_begin(&s, HD_LOCK_MUTEX, HD_LAYOUT_GLIBC_MUTEX, AT);
	owned(&s);
	s.waiter->lock.confidence = HD_CONF_LOW;
	cr_expect_not_null(plan(&s));
	s.waiter->lock.confidence = HD_CONF_HIGH;
	s.waiter->lock.layout = HD_LAYOUT_ABSL_MUTEX;
	cr_expect_not_null(plan(&s));
	scene_end(&s);
}

Test(heal, a_program_that_does_not_hang_is_left_alone, .timeout = 10)
{
	struct scene s = {.words = {2, 0, OWNER, 1, 0}};
	scene_begin(&s, HD_LOCK_MUTEX, HD_LAYOUT_GLIBC_MUTEX, AT);
	owned(&s);
	s.waiter->is_still = false;
	cr_expect_str_eq(plan(&s), "nothing is proven to hang");
	scene_end(&s);
}
