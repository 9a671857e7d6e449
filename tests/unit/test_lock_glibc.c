/* covers: lock_glibc.c lock_glibc_cond.c lock_glibc_internal.c lock_probe.c */
#include <criterion/criterion.h>

#include "../lib/lock_bench.h"

#define OBJ (BENCH_DATA + 0x1000)
#define TCB (BENCH_DATA + 0x4000)

struct mutex_row {
	const char *what;
	uint32_t words[5], op, val; /* lock, count, owner, nusers, kind */
	int32_t owner;
	bool is_sure, is_held;
};

static const struct mutex_row mutex_rows[] = {
	{"normal", {2, 0, 42, 1, 0}, 0x80, 2, 42, true, true},
	{"normal, explicit type (to 2.41)", {2, 0, 42, 1, 0x200}, 0x80, 2, 42, true, true},
	{"recursive", {2, 3, 42, 1, 1}, 0x80, 2, 42, true, true},
	{"errorcheck", {2, 0, 42, 1, 2}, 0x80, 2, 42, true, true},
	{"adaptive", {2, 0, 42, 1, 3}, 0x80, 2, 42, true, true},
	{"shared", {2, 0, 42, 1, 0x80}, 0x00, 2, 42, true, true},
	{"robust", {0x8000002a, 1, 42, 1, 0x90}, 0x00, 0x8000002a, 42, true, true},
	{"priority inheriting", {0x8000002a, 1, 42, 1, 0x20}, 0x86, 0, 42, true, true},
	{"priority protected", {(10u << 19) + 2, 1, 42, 1, 0x40}, 0x80, (10u << 19) + 2, 42, true, true},
	{"used by condition waiters", {2, 0, 42, 4, 0}, 0x80, 2, 42, true, true},
	{"held, owner not written yet", {2, 0, 0, 0, 0}, 0x80, 2, 0, true, true},
	{"PI, owner not written yet", {0x8000002a, 0, 0, 0, 0x20}, 0x86, 0, 42, true, true},
	/* The guards of locks.md 3.3: each turns certainty into doubt. */
	{"kind with unknown bits", {2, 0, 42, 1, 0x1000}, 0x80, 2, 42, false, true},
	{"plain mutex that counts", {2, 7, 42, 1, 0}, 0x80, 2, 42, false, true},
	{"recursive mutex that does not", {2, 0, 42, 1, 1}, 0x80, 2, 42, false, true},
	{"owner without users", {2, 0, 42, 0, 0}, 0x80, 2, 42, false, true},
	{"owner beyond pid_max", {2, 0, 0x7fffffff, 1, 0}, 0x80, 2, 0, false, true},
	{"word and owner disagree", {0x8000002b, 1, 42, 1, 0x20}, 0x86, 0, 42, false, true},
	{"word moved on", {0, 0, 0, 0, 0}, 0x80, 2, 0, false, false},
	{"private wait on a shared kind", {2, 0, 42, 1, 0x80}, 0x80, 2, 42, false, true},
	{"shared wait on a private kind", {2, 0, 42, 1, 0}, 0x00, 2, 42, false, true},
	{"plain wait on a PI kind", {0x8000002a, 1, 42, 1, 0x20}, 0x80, 0x8000002a, 42, false, true},
	{"PI wait on a plain kind", {2, 0, 42, 1, 0}, 0x86, 0, 42, false, true},
};

Test(lock_glibc, mutexes_of_every_kind_and_every_doubt, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(mutex_rows); i++) {
		const struct mutex_row *row = &mutex_rows[i];
		struct bench *b = bench_new();
		bench_words(b, OBJ, row->words, 5);
		const struct hd_lock *lock =
			bench_classify(b, BENCH_LIBC, "pthread_mutex_lock", OBJ, row->op, row->val);
		cr_expect_eq(lock->kind, HD_LOCK_MUTEX, "%s", row->what);
		cr_expect_eq(lock->base, OBJ, "%s", row->what);
		cr_expect_eq(lock->owner_tid, row->owner, "%s: %d", row->what, lock->owner_tid);
		cr_expect_eq(lock->is_held, row->is_held, "%s", row->what);
		cr_expect_eq(lock->confidence == HD_CONF_HIGH, row->is_sure, "%s: %s", row->what, lock->check_failed);
		cr_expect_eq(lock->check_failed == NULL, row->is_sure, "%s", row->what);
		cr_expect(lock->owner_releases);
		bench_free(b);
	}
}

Test(lock_glibc, memory_that_is_not_a_place_for_locks_makes_doubt, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 2, 0, 42, 1, 0);
	b->maps_at[0].writable = false;
	cr_expect_eq(bench_classify(b, BENCH_LIBC, "pthread_mutex_lock", OBJ, 0x80, 2)->confidence, HD_CONF_LOW);
	b->maps_at[0].writable = true;
	b->maps.n = 0;
	cr_expect_eq(bench_classify(b, BENCH_LIBC, "pthread_mutex_lock", OBJ, 0x80, 2)->confidence, HD_CONF_LOW);
	b->maps.n = 3;
	BENCH_WORDS(b, BENCH_SHARED, 2, 0, 42, 1, 0);
	cr_expect_eq(bench_classify(b, BENCH_LIBC, "pthread_mutex_lock", BENCH_SHARED, 0x80, 2)->confidence,
		     HD_CONF_LOW, "a private wait in shared memory");
	BENCH_WORDS(b, BENCH_SHARED, 2, 0, 42, 1, 0x80);
	cr_expect_eq(bench_classify(b, BENCH_LIBC, "pthread_mutex_lock", BENCH_SHARED, 0x00, 2)->confidence,
		     HD_CONF_HIGH);
	cr_expect_eq(bench_classify(b, BENCH_LIBC, "pthread_mutex_lock", 0x10, 0x80, 2)->owner_tid, 0, "unreadable");
	bench_free(b);
}

/* The C library parks a thread for ever when the owner of a PI mutex is gone (fork): on a word of its own stack. */
Test(lock_glibc, a_thread_parked_for_a_dead_pi_owner_names_the_mutex_with_doubt, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 0x8000002a, 1, 42, 1, 0x20);
	bench_put64(b, BENCH_SP + 0x40, OBJ);
	const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, "pthread_mutex_lock", BENCH_SP + 0x20, 0x189, 0);
	cr_expect_eq(lock->kind, HD_LOCK_MUTEX);
	cr_expect_eq(lock->base, OBJ);
	cr_expect(lock->is_pi);
	cr_expect_eq(lock->confidence, HD_CONF_LOW);
	bench_free(b);
}

struct rwlock_row {
	const char *what, *api;
	uint32_t readers, writers, wrphase, writers_futex, cur_writer, shared, flags;
	uint32_t offset, val, op;
	enum hd_lock_kind kind;
	int32_t owner;
	uint32_t inside;
	bool is_sure;
};

static const struct rwlock_row rwlock_rows[] = {
	{"reader behind a writer", "pthread_rwlock_rdlock", 0xb, 0, 3, 1, 42, 0, 0, 8, 3, 0x189, HD_LOCK_RWLOCK_READ,
	 42, 0, true},
	{"writer behind a writer", "pthread_rwlock_wrlock", 3, 1, 1, 3, 42, 0, 0, 0xc, 3, 0x189, HD_LOCK_RWLOCK_WRITE,
	 42, 0, true},
	{"writer behind readers", "pthread_rwlock_wrlock", 0x12, 0, 2, 1, 0, 0, 0, 8, 2, 0x189, HD_LOCK_RWLOCK_WRITE, 0,
	 2, true},
	{"reader behind a queued writer", "pthread_rwlock_rdlock", 0xe, 0, 2, 1, 0, 0, 2, 0, 0xe, 0x189,
	 HD_LOCK_RWLOCK_READ, 0, 1, true},
	{"shared", "pthread_rwlock_rdlock", 0xb, 0, 3, 1, 42, 1, 0, 8, 3, 0x109, HD_LOCK_RWLOCK_READ, 42, 0, true},
	{"told by the word alone", "setlocale", 3, 1, 1, 3, 42, 0, 0, 0xc, 3, 0x189, HD_LOCK_RWLOCK_WRITE, 42, 0, true},
	{"writer field without a writer", "pthread_rwlock_rdlock", 8, 0, 3, 1, 42, 0, 0, 8, 3, 0x189,
	 HD_LOCK_RWLOCK_READ, 42, 1, false},
	{"phase words of something else", "pthread_rwlock_rdlock", 0xb, 0, 3, 77, 42, 0, 0, 8, 3, 0x189,
	 HD_LOCK_RWLOCK_READ, 42, 0, false},
	{"flags of something else", "pthread_rwlock_rdlock", 0xb, 0, 3, 1, 42, 0, 9, 8, 3, 0x189, HD_LOCK_RWLOCK_READ,
	 42, 0, false},
};

Test(lock_glibc, read_write_locks_from_each_of_their_words, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(rwlock_rows); i++) {
		const struct rwlock_row *r = &rwlock_rows[i];
		struct bench *b = bench_new();
		BENCH_WORDS(b, OBJ, r->readers, r->writers, r->wrphase, r->writers_futex, 0, 0, r->cur_writer,
			    r->shared, 0, 0, 0, 0, r->flags);
		const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, r->api, OBJ + r->offset, r->op, r->val);
		cr_expect_eq(lock->kind, r->kind, "%s", r->what);
		cr_expect_eq(lock->base, OBJ, "%s: %#lx", r->what, (unsigned long)lock->base);
		cr_expect_eq(lock->owner_tid, r->owner, "%s", r->what);
		cr_expect_eq(lock->owner_releases, r->owner != 0, "%s", r->what);
		cr_expect_eq(lock->readers, r->inside, "%s: %u", r->what, lock->readers);
		cr_expect_eq(lock->confidence == HD_CONF_HIGH, r->is_sure, "%s: %s", r->what, lock->check_failed);
		bench_free(b);
	}
}

struct cond_row {
	uint32_t futex, wrefs; /* offsets */
	bool is_private;
};
static const struct cond_row cond_rows[] = {
	{0x28, 0x24, true}, {0x2c, 0x24, true}, {0x20, 0x1c, true}, {0x24, 0x1c, false}};

Test(lock_glibc, condition_variables_of_both_layouts_by_the_pair_on_the_stack, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(cond_rows); i++) {
		const struct cond_row *r = &cond_rows[i];
		struct bench *b = bench_new();
		BENCH_WORDS(b, OBJ + 0x100, 0, 0, 0, 1, 0);
		bench_put32(b, OBJ + r->wrefs, 8 | (r->is_private ? 0 : 1));
		bench_put64(b, BENCH_SP + 0x60, OBJ);
		bench_put64(b, BENCH_SP + 0x68, OBJ + 0x100);
		const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, "pthread_cond_wait", OBJ + r->futex,
							    r->is_private ? 0x189 : 0x109, 0);
		cr_expect_eq(lock->kind, HD_LOCK_CONDITION);
		cr_expect_eq(lock->base, OBJ, "layout %zu", i);
		cr_expect_eq(lock->mutex, OBJ + 0x100);
		cr_expect_eq(lock->is_pshared, !r->is_private);
		cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%zu: %s", i, lock->check_failed);
		cr_expect(!lock->owner_releases);
		bench_free(b);
	}
}

Test(lock_glibc, a_stale_pair_does_not_hide_the_real_one, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ + 0x100, 0, 0, 0, 1, 0);
	bench_put32(b, OBJ + 0x24, 8);
	bench_put64(b, BENCH_SP + 0x60, OBJ);
	bench_put64(b, BENCH_SP + 0x68, OBJ + 0x100);
	bench_put64(b, BENCH_SP + 0x90, OBJ);
	bench_put64(b, BENCH_SP + 0x98, 0x1234567);
	bench_put64(b, BENCH_SP + 0xa0, OBJ);
	bench_put64(b, BENCH_SP + 0xa8, OBJ + 0x800); /* zeros: readable, no user */
	const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, "pthread_cond_wait", OBJ + 0x28, 0x189, 0);
	cr_expect_eq(lock->mutex, OBJ + 0x100);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH);
	bench_free(b);
}

/* 2.31 keeps {cond, cond, mutex} in timed waits; read as a mutex, a condition variable can pass. */
Test(lock_glibc, the_condition_variable_itself_is_not_taken_for_its_mutex, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ + 0x100, 0, 0, 0, 1, 0);
	bench_put32(b, OBJ + 0x24, 8);
	bench_put64(b, BENCH_SP + 0x60, OBJ);
	bench_put64(b, BENCH_SP + 0x68, OBJ + 0x100);
	bench_put64(b, BENCH_SP + 0x90, OBJ);
	bench_put64(b, BENCH_SP + 0x98, OBJ);
	bench_put64(b, BENCH_SP + 0xa0, OBJ);
	bench_put64(b, BENCH_SP + 0xa8, BENCH_SP + 0x180); /* 2.27 */
	cr_expect_eq(bench_classify(b, BENCH_LIBC, "pthread_cond_timedwait", OBJ + 0x28, 0x189, 0)->mutex, OBJ + 0x100);
	bench_free(b);
}

Test(lock_glibc, a_condition_without_its_pair_has_no_address, .timeout = 10)
{
	struct bench *b = bench_new();
	const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, "pthread_cond_wait", OBJ + 0x28, 0x189, 0);
	cr_expect_eq(lock->kind, HD_LOCK_CONDITION);
	cr_expect_eq(lock->base, 0);
	cr_expect_eq(lock->confidence, HD_CONF_LOW);
	bench_free(b);
}

Test(lock_glibc, a_woken_waiter_that_wants_its_mutex_back_waits_for_the_owner, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 2, 0, 42, 2, 0);
	const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, "pthread_cond_wait", OBJ, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_MUTEX);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	cr_expect_str_eq(lock->api, "pthread_cond_wait");
	bench_free(b);
}

Test(lock_glibc, destroying_a_condition_variable_finds_its_begin_in_both_layouts, .timeout = 10)
{
	struct bench *b = bench_new();
	/* Old: wseq 4 (two waiters), g1_start 0, both in one group; waiter count 2, destroy pending. */
	BENCH_WORDS(b, OBJ, 4, 0, 0, 0, 0, 4, 0, 0, 0, (2 << 3) + 4);
	const struct hd_lock *lock =
		bench_classify(b, BENCH_LIBC, "pthread_cond_destroy", OBJ + 0x24, 0x80, (2 << 3) + 4);
	cr_expect_eq(lock->kind, HD_LOCK_COND_DESTROY);
	cr_expect_eq(lock->base, OBJ);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	/* New: eight bytes shorter before the count; what lies before the object is anything. */
	BENCH_WORDS(b, OBJ + 0x100 - 8, 77, 88, 4, 0, 0, 0, 0, 0, 0, (2 << 3) + 4);
	lock = bench_classify(b, BENCH_LIBC, "pthread_cond_destroy", OBJ + 0x100 + 0x1c, 0x80, (2 << 3) + 4);
	cr_expect_eq(lock->base, OBJ + 0x100);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_free(b);
}

Test(lock_glibc, semaphores_need_waiters_and_their_address_on_the_stack, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 0, 1, 0);
	const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, "sem_wait", OBJ, 0x189, 0);
	cr_expect_eq(lock->confidence, HD_CONF_LOW, "no address on the stack");
	bench_put64(b, BENCH_SP + 0x18, OBJ);
	lock = bench_classify(b, BENCH_LIBC, "sem_wait", OBJ, 0x189, 0);
	cr_expect_eq(lock->kind, HD_LOCK_SEMAPHORE);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	cr_expect(lock->is_held && !lock->owner_releases);
	cr_expect_eq(lock->owner_tid, 0);
	bench_put32(b, OBJ + 4, 0);
	cr_expect_eq(bench_classify(b, BENCH_LIBC, "sem_wait", OBJ, 0x189, 0)->confidence, HD_CONF_LOW,
		     "nobody counted");
	bench_free(b);
}

Test(lock_glibc, barriers_and_once, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 1, 7, 3, 0, 0);
	const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, "pthread_barrier_wait", OBJ + 4, 0x80, 7);
	cr_expect_eq(lock->kind, HD_LOCK_BARRIER);
	cr_expect_eq(lock->base, OBJ);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	lock = bench_classify(b, BENCH_LIBC, "pthread_barrier_destroy", OBJ, 0x80, 1);
	cr_expect_eq(lock->base, OBJ);
	bench_put32(b, OBJ + 0x40, 4 + 1);
	lock = bench_classify(b, BENCH_LIBC, "pthread_once", OBJ + 0x40, 0x80, 4 + 1);
	cr_expect_eq(lock->kind, HD_LOCK_ONCE);
	cr_expect(lock->is_held);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_free(b);
}

Test(lock_glibc, a_join_is_the_thread_control_block_around_the_word, .timeout = 10)
{
	struct bench *b = bench_new();
	bench_tcb(b, TCB, 42);
	const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, "pthread_join", TCB + 0x2d0, 0x109, 42);
	cr_expect_eq(lock->kind, HD_LOCK_JOIN);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect(lock->owner_releases);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	/* 2.43, in a forked child: the tid is cleared, the join state is not. */
	bench_tcb(b, TCB, 0);
	bench_put32(b, TCB + 0x628, 2);
	lock = bench_classify(b, BENCH_LIBC, "pthread_join", TCB + 0x628, 0x109, 2);
	cr_expect_eq(lock->base, TCB);
	cr_expect_eq(lock->owner_tcb, TCB);
	cr_expect_eq(lock->owner_tid, 0);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	/* A word that merely equals a tid. */
	bench_put32(b, OBJ, 42);
	lock = bench_classify(b, BENCH_LIBC, "pthread_join", OBJ, 0x109, 42);
	cr_expect_eq(lock->owner_tid, 0);
	cr_expect_eq(lock->confidence, HD_CONF_LOW);
	bench_free(b);
}

Test(lock_glibc, a_stream_names_its_owner_by_control_block, .timeout = 10)
{
	struct bench *b = bench_new();
	bench_tcb(b, TCB, 42);
	BENCH_WORDS(b, OBJ, 2, 1);
	bench_put64(b, OBJ + 8, TCB);
	const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, "fputs", OBJ, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_STDIO);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect_eq(lock->owner_tcb, TCB);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_put64(b, OBJ + 8, OBJ);
	lock = bench_classify(b, BENCH_LIBC, "fputs", OBJ, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_STDIO);
	cr_expect_eq(lock->owner_tid, 0);
	cr_expect_eq(lock->confidence, HD_CONF_LOW);
	bench_free(b);
}

Test(lock_glibc, bare_words_are_told_by_the_public_function, .timeout = 10)
{
	static const struct {
		const char *inner, *outer;
		enum hd_lock_kind kind;
	} rows[] = {
		{"localtime_r", NULL, HD_LOCK_LIBC}, {"getpwnam_r", NULL, HD_LOCK_LIBC},
		{"setenv", NULL, HD_LOCK_LIBC},      {"random", NULL, HD_LOCK_LIBC},
		{"syslog", NULL, HD_LOCK_LIBC},      {"malloc", "fopen", HD_LOCK_MALLOC},
		{"free", NULL, HD_LOCK_MALLOC},      {"calloc", "dlopen", HD_LOCK_MALLOC},
	};
	for (size_t i = 0; i < HD_COUNTOF(rows); i++) {
		struct bench *b = bench_new();
		bench_put32(b, OBJ, 2);
		bench_frame(b, BENCH_LIBC, "__lll_lock_wait_private", NULL);
		bench_frame(b, BENCH_LIBC, NULL, rows[i].inner);
		if (rows[i].outer != NULL)
			bench_frame(b, BENCH_LIBC, NULL, rows[i].outer);
		bench_frame(b, BENCH_PROGRAM, "work", NULL);
		const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, NULL, OBJ, 0x80, 2);
		cr_expect_eq(lock->kind, rows[i].kind, "%s", rows[i].inner);
		cr_expect_str_eq(lock->api, rows[i].outer != NULL ? rows[i].outer : rows[i].inner);
		cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
		cr_expect(!lock->owner_releases && lock->owner_tid == 0);
		bench_free(b);
	}
}

Test(lock_glibc, mutexes_in_the_loaders_data_are_the_loaders, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 2, 1, 42, 1, 1);
	b->maps_at[0].path = "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
	bench_frame(b, BENCH_LIBC, NULL, "pthread_mutex_lock");
	bench_frame(b, BENCH_LIBC, "dl_iterate_phdr", NULL);
	bench_frame(b, "/lib/x86_64-linux-gnu/libgcc_s.so.1", "_Unwind_Find_FDE", NULL);
	bench_frame(b, BENCH_PROGRAM, "work", NULL);
	const struct hd_lock *lock = bench_classify(b, BENCH_LIBC, NULL, OBJ, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_LOADER);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect_str_eq(lock->api, "dl_iterate_phdr");
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_free(b);
}
