/* covers: lock_classify.c lock_structural.c */
#include <criterion/criterion.h>

#include "../lib/lock_bench.h"

#define OBJ (BENCH_DATA + 0x1000)
#define TCB (BENCH_DATA + 0x4000)

Test(lock_classify, without_a_name_a_word_that_equals_a_tid_proves_nothing, .timeout = 10)
{
	struct bench *b = bench_new();
	bench_put32(b, OBJ, 42);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, OBJ, 0x80, 42);
	cr_expect_eq(lock->kind, HD_LOCK_UNKNOWN);
	cr_expect_eq(lock->owner_tid, 0);
	cr_expect_eq(lock->confidence, HD_CONF_NONE);
	cr_expect_not_null(lock->check_failed);
	bench_free(b);
}

Test(lock_classify, a_mutex_without_a_name_is_only_probable, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 2, 0, 42, 1, 0);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, OBJ, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_MUTEX);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect_eq(lock->confidence, HD_CONF_LOW);
	cr_expect_null(lock->api);
	BENCH_WORDS(b, OBJ, 2, 0, 0, 0, 0);
	cr_expect_eq(bench_classify(b, NULL, NULL, OBJ, 0x80, 2)->kind, HD_LOCK_UNKNOWN, "no owner, no evidence");
	bench_free(b);
}

Test(lock_classify, control_blocks_make_streams_and_joins_without_a_name, .timeout = 10)
{
	struct bench *b = bench_new();
	bench_tcb(b, TCB, 42);
	BENCH_WORDS(b, OBJ, 2, 1);
	bench_put64(b, OBJ + 8, TCB);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, OBJ, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_STDIO);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect_eq(lock->confidence, HD_CONF_LOW);
	lock = bench_classify(b, NULL, NULL, TCB + 0x2d0, 0x109, 42);
	cr_expect_eq(lock->kind, HD_LOCK_JOIN);
	cr_expect_eq(lock->owner_tid, 42);
	bench_free(b);
}

Test(lock_classify, the_kernel_itself_names_the_owner_of_a_pi_word, .timeout = 10)
{
	struct bench *b = bench_new();
	bench_put32(b, OBJ, 0x8000002a);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, OBJ, 0x86, 0);
	cr_expect_eq(lock->kind, HD_LOCK_MUTEX);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH);
	bench_free(b);
}

Test(lock_classify, values_that_only_one_runtime_uses_are_a_hint, .timeout = 10)
{
	struct bench *b = bench_new();
	bench_put32(b, OBJ, 0x10100);
	cr_expect_eq(bench_classify(b, NULL, NULL, OBJ, 0x00, 0x10100)->kind, HD_LOCK_CXX_GUARD);
	cr_expect_eq(b->lock.confidence, HD_CONF_LOW);
	bench_put32(b, OBJ, 2);
	cr_expect_eq(bench_classify(b, NULL, NULL, OBJ, 0x89, 2)->kind, HD_LOCK_RUST);
	cr_expect_eq(b->lock.confidence, HD_CONF_LOW);
	cr_expect_eq(b->lock.owner_tid, 0);
	bench_free(b);
}

Test(lock_classify, equal_names_in_an_unknown_c_library_are_not_certain, .timeout = 10)
{
	struct bench *b = bench_new();
	/* A musl PI mutex, {type 8, lock, waiters}: read as glibc's it would name another owner. */
	BENCH_WORDS(b, OBJ, 8, 0x8000002a, 0);
	const struct hd_lock *lock = bench_classify(b, BENCH_PROGRAM, "pthread_mutex_lock", OBJ + 4, 0x86, 0);
	cr_expect_neq(lock->confidence, HD_CONF_HIGH);
	/* A glibc mutex in a static program that shows nothing else of glibc. */
	BENCH_WORDS(b, OBJ, 2, 0, 42, 1, 0);
	lock = bench_classify(b, BENCH_PROGRAM, "pthread_mutex_lock", OBJ, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_MUTEX);
	cr_expect_eq(lock->confidence, HD_CONF_LOW);
	/* What does not fit is not told. */
	lock = bench_classify(b, BENCH_PROGRAM, "pthread_barrier_wait", OBJ + 4, 0x80, 1);
	cr_expect_eq(lock->base, 0);
	bench_free(b);
}

Test(lock_classify, what_is_no_plain_wait_or_no_x86_64_is_left_alone, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 2, 0, 42, 1, 0);
	cr_expect_eq(bench_classify(b, BENCH_LIBC, "pthread_mutex_lock", OBJ, 0x81, 2)->kind, HD_LOCK_UNKNOWN,
		     "FUTEX_WAKE");
	cr_expect_eq(bench_classify(b, BENCH_LIBC, "pthread_mutex_lock", OBJ + 1, 0x80, 2)->kind, HD_LOCK_UNKNOWN,
		     "not aligned");
	b->query.abi = HD_ABI_I386;
	cr_expect_eq(bench_classify(b, BENCH_LIBC, "pthread_mutex_lock", OBJ, 0x80, 2)->kind, HD_LOCK_UNKNOWN);
	cr_expect_not_null(b->lock.check_failed);
	bench_free(b);
}

Test(lock_classify, a_call_whose_checks_pass_wins_over_an_outer_one_whose_do_not, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 2, 0, 42, 1, 0);
	bench_frame(b, BENCH_LIBC, NULL, "pthread_mutex_lock");
	bench_frame(b, BENCH_LIBC, NULL, "pthread_once");
	bench_frame(b, BENCH_PROGRAM, "work", NULL);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, OBJ, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_MUTEX);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_free(b);
}
