#include <criterion/criterion.h>

#include "../lib/lock_bench.h"

#define OBJ (BENCH_DATA + 0x1000)

static const struct {
	const char *what;
	uint32_t type, word, waiters, op, val;
	int32_t owner;
	bool is_sure;
} mutex_rows[] = {
	{"normal", 0, 0x80000010, 1, 0x80, 0x80000010, 0, true},
	{"recursive", 1, 0x8000002a, 1, 0x80, 0x8000002a, 42, true},
	{"errorcheck", 2, 0x8000002a, 1, 0x80, 0x8000002a, 42, true},
	{"robust", 4, 0x8000002a, 1, 0x80, 0x8000002a, 42, true},
	{"priority inheriting", 8, 0x8000002a, 0, 0x86, 0, 42, true},
	{"shared", 128, 0x80000010, 1, 0x00, 0x80000010, 0, true},
	{"no waiter counted", 0, 0x80000010, 0, 0x80, 0x80000010, 0, false},
	{"unknown type", 0x30, 0x80000010, 1, 0x80, 0x80000010, 0, false},
	{"normal without its mark", 0, 0x80000044, 1, 0x80, 0x80000044, 0, false},
};

Test(lock_musl, mutexes_lie_four_bytes_before_their_word, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(mutex_rows); i++) {
		struct bench *b = bench_new();
		BENCH_WORDS(b, OBJ, mutex_rows[i].type, mutex_rows[i].word, mutex_rows[i].waiters);
		const struct hd_lock *lock = bench_classify(b, BENCH_MUSL, "pthread_mutex_lock", OBJ + 4,
							    mutex_rows[i].op, mutex_rows[i].val);
		cr_expect_eq(lock->kind, HD_LOCK_MUTEX, "%s", mutex_rows[i].what);
		cr_expect_eq(lock->base, OBJ, "%s", mutex_rows[i].what);
		cr_expect_eq(lock->owner_tid, mutex_rows[i].owner, "%s", mutex_rows[i].what);
		cr_expect_eq(lock->confidence == HD_CONF_HIGH, mutex_rows[i].is_sure, "%s: %s", mutex_rows[i].what,
			     lock->check_failed);
		cr_expect_str_eq(lock->family, "musl");
		bench_free(b);
	}
}

Test(lock_musl, read_write_locks_semaphores_once_and_joins, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 0xffffffff, 1, 0);
	const struct hd_lock *lock = bench_classify(b, BENCH_MUSL, "pthread_rwlock_rdlock", OBJ, 0x80, 0xffffffff);
	cr_expect_eq(lock->kind, HD_LOCK_RWLOCK_READ);
	cr_expect(lock->is_held && lock->readers == 0 && lock->owner_tid == 0);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	BENCH_WORDS(b, OBJ, 0x80000003, 1, 0);
	lock = bench_classify(b, BENCH_MUSL, "pthread_rwlock_wrlock", OBJ, 0x80, 0x80000003);
	cr_expect_eq(lock->readers, 3);

	BENCH_WORDS(b, OBJ, 0xffffffff, 1, 0x80);
	lock = bench_classify(b, BENCH_MUSL, "sem_wait", OBJ, 0x80, 0xffffffff);
	cr_expect_eq(lock->kind, HD_LOCK_SEMAPHORE);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	BENCH_WORDS(b, OBJ, 0x80000000, 1, 0x80);
	lock = bench_classify(b, BENCH_MUSL, "sem_wait", OBJ, 0x80, 0x80000000);
	cr_expect(lock->is_held && lock->confidence == HD_CONF_HIGH, "1.2.4");

	BENCH_WORDS(b, OBJ, 3);
	lock = bench_classify(b, BENCH_MUSL, "pthread_once", OBJ, 0x80, 3);
	cr_expect(lock->kind == HD_LOCK_ONCE && lock->is_held);

	bench_put64(b, OBJ, OBJ);
	bench_put32(b, OBJ + 0x30, 42);
	bench_put32(b, OBJ + 0x38, 2);
	lock = bench_classify(b, BENCH_MUSL, "pthread_join", OBJ + 0x38, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_JOIN);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_free(b);
}

Test(lock_musl, waiters_on_their_own_stack_lead_to_the_object_that_refers_to_them, .timeout = 10)
{
	struct bench *b = bench_new();
	uint64_t node = BENCH_SP + 0x80;
	bench_put32(b, node + 20, 2);
	bench_put64(b, OBJ + 8, node);
	bench_put64(b, BENCH_SP + 0x10, OBJ);
	const struct hd_lock *lock = bench_classify(b, BENCH_MUSL, "pthread_cond_wait", node + 20, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_CONDITION);
	cr_expect_eq(lock->base, OBJ);

	bench_put64(b, OBJ + 0x100 + 24, node);
	bench_put64(b, BENCH_SP + 0x18, OBJ + 0x100);
	bench_put32(b, node + 12, 1);
	lock = bench_classify(b, BENCH_MUSL, "pthread_barrier_wait", node + 12, 0x80, 1);
	cr_expect_eq(lock->kind, HD_LOCK_BARRIER);
	cr_expect_eq(lock->base, OBJ + 0x100);
	bench_free(b);
}

Test(lock_musl, stream_locks_hold_the_owners_tid, .timeout = 10)
{
	struct bench *b = bench_new();
	bench_put32(b, OBJ + 0x8c, 42 | 0x40000000);
	const struct hd_lock *lock = bench_classify(b, BENCH_MUSL, "fputs", OBJ + 0x8c, 0x80, 42 | 0x40000000);
	cr_expect_eq(lock->kind, HD_LOCK_STDIO);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_put32(b, OBJ, 0x80000001);
	lock = bench_classify(b, BENCH_MUSL, "malloc", OBJ, 0x80, 0x80000001);
	cr_expect_eq(lock->kind, HD_LOCK_MALLOC);
	bench_free(b);
}
