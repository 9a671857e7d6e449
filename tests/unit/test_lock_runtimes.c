#include <criterion/criterion.h>

#include "../lib/lock_bench.h"

#define OBJ (BENCH_DATA + 0x1000)

struct row {
	const char *name;
	uint32_t offset, word, op, val; /* of the futex word in the object */
	enum hd_lock_kind kind;
	const char *family;
	bool has_base, is_held, is_sure;
};

static const struct row rows[] = {
	{"__cxa_guard_acquire", 0, 0x10100, 0x00, 0x10100, HD_LOCK_CXX_GUARD, "libstdc++", true, true, true},
	{"__cxa_guard_acquire", 0, 0x10000, 0x00, 0x10000, HD_LOCK_CXX_GUARD, "libstdc++", true, false, false},
	{"_ZNSt28__atomic_futex_unsigned_base19_M_futex_wait_untilEPjjbNSt6chrono8durationIlSt5ratioILl1ELl1EEEENS2_"
	 "IlS3_ILl1ELl1000000000EEEE",
	 0x10, 0x80000000, 0x00, 0x80000000, HD_LOCK_FUTURE, "libstdc++", true, false, true},
	{"_ZN3std3sys4sync5mutex5futex5Mutex14lock_contended17h1E", 0, 2, 0x89, 2, HD_LOCK_RUST, "rust", true, true,
	 true},
	{"_ZN3std3sys4sync6rwlock5futex6RwLock14read_contended17h1E", 0, 0x7fffffff, 0x89, 0x7fffffff,
	 HD_LOCK_RWLOCK_READ, "rust", true, true, true},
	{"_ZN3std3sys4sync6rwlock5futex6RwLock15write_contended17h1E", 4, 0, 0x89, 0, HD_LOCK_RWLOCK_WRITE, "rust",
	 true, false, true},
	{"_ZN3std3sys4sync7condvar5futex7Condvar21wait_optional_timeout17h1E", 0, 9, 0x89, 9, HD_LOCK_CONDITION, "rust",
	 true, false, true},
	{"_ZN3std3sys4sync4once5futex4Once4call17h1E", 0, 5, 0x89, 5, HD_LOCK_ONCE, "rust", true, true, true},
	{"_ZN3std6thread4park17h1E", 0, 0xffffffff, 0x89, 0xffffffff, HD_LOCK_PARKER, "rust", false, false, true},
	{"_ZN11parking_lot9raw_mutex8RawMutex9lock_slow17h1E", 0, 1, 0x80, 1, HD_LOCK_MUTEX, "parking_lot", false,
	 false, true},
	{"AbslInternalSpinLockDelay_lts_20220623", 0, 0x05a308d2, 0x80, 0x05a308d2, HD_LOCK_ONCE, "absl", true, true,
	 true},
	{"omp_set_lock", 0, 0xffffffff, 0x80, 0xffffffff, HD_LOCK_MUTEX, "libgomp", true, true, true},
	{"runtime.futex", 0, 0, 0x80, 0, HD_LOCK_PARKER, "go", false, false, true},
};

Test(lock_runtimes, each_is_told_and_none_has_an_owner, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(rows); i++) {
		const struct row *r = &rows[i];
		struct bench *b = bench_new();
		bench_put32(b, OBJ + r->offset, r->word);
		const struct hd_lock *lock = bench_classify(b, BENCH_PROGRAM, r->name, OBJ + r->offset, r->op, r->val);
		cr_expect_eq(lock->kind, r->kind, "%s: %d", r->name, lock->kind);
		cr_expect_eq(lock->base, r->has_base ? OBJ : 0, "%s", r->name);
		cr_expect_eq(lock->is_held, r->is_held, "%s", r->name);
		cr_expect(lock->family != NULL && strcmp(lock->family, r->family) == 0, "%s: %s", r->name,
			  lock->family);
		cr_expect_eq(lock->confidence == HD_CONF_HIGH, r->is_sure, "%s: %s", r->name, lock->check_failed);
		cr_expect(lock->owner_tid == 0 && lock->owner_tcb == 0 && !lock->owner_releases, "%s", r->name);
		bench_free(b);
	}
}

Test(lock_runtimes, the_abseil_mutex_is_the_one_whose_list_ends_at_the_waiter, .timeout = 10)
{
	struct bench *b = bench_new();
	uint64_t identity = BENCH_DATA + 0x2000;
	bench_put64(b, OBJ, identity | 0xc);
	bench_put64(b, BENCH_SP + 0x58, OBJ + 0x100); /* another pointer */
	bench_put64(b, BENCH_SP + 0x90, OBJ);
	const struct hd_lock *lock =
		bench_classify(b, BENCH_PROGRAM, "_ZN4absl12lts_202206235Mutex4LockEv", identity + 0x40, 0x80, 0);
	cr_expect_eq(lock->kind, HD_LOCK_MUTEX);
	cr_expect_eq(lock->base, OBJ);
	cr_expect(lock->is_held);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_put64(b, BENCH_SP + 0x90, 0);
	lock = bench_classify(b, BENCH_PROGRAM, "_ZN4absl12lts_202206235Mutex4LockEv", identity + 0x40, 0x80, 0);
	cr_expect_eq(lock->base, 0);
	cr_expect_eq(lock->confidence, HD_CONF_LOW);
	bench_free(b);
}

/* ThreadData as rustc laid it out may put the key before or behind the parked word. */
Test(lock_runtimes, the_parking_lot_mutex_is_the_key_beside_the_parked_word, .timeout = 10)
{
	const char *name = "_ZN11parking_lot9raw_mutex8RawMutex9lock_slow17h1E";
	struct bench *b = bench_new();
	uint64_t data = BENCH_DATA + 0x2000;
	bench_put32(b, OBJ, 0xff03); /* one byte: taken, with waiters */
	bench_put64(b, data - 0x18, OBJ);
	bench_put32(b, data, 1);
	const struct hd_lock *lock = bench_classify(b, BENCH_PROGRAM, name, data, 0x80, 1);
	cr_expect_eq(lock->kind, HD_LOCK_MUTEX);
	cr_expect_eq(lock->base, OBJ);
	cr_expect(lock->is_held);
	bench_put32(b, OBJ + 8, 3); /* a second word that would do: neither is told */
	bench_put64(b, data + 8, OBJ + 8);
	lock = bench_classify(b, BENCH_PROGRAM, name, data, 0x80, 1);
	cr_expect_eq(lock->base, 0);
	cr_expect_not(lock->is_held);
	bench_free(b);
}

Test(lock_runtimes, a_pool_is_told_whatever_primitive_its_threads_wait_on, .timeout = 10)
{
	static const struct {
		const char *primitive, *module, *symbol, *family;
	} pools[] = {{"_ZN3std3sys4sync7condvar5futex7Condvar4wait17h1E", BENCH_PROGRAM,
		      "_ZN10rayon_core5latch9LockLatch14wait_and_reset17h1E", "rayon"},
		     {"pthread_cond_wait", "/v/numpy.libs/libscipy_openblas64_-32a4b2a6.so", "blas_thread_server", "openblas"},
		     {"pthread_cond_wait", "/v/jaxlib/libjax_common.so",
		      "_ZN5Eigen15ThreadPoolTemplIN3tsl6thread16EigenEnvironmentEE11WaitForWorkEPNS_10EventCount6WaiterE", "eigen"}};
	for (size_t i = 0; i < HD_COUNTOF(pools); i++) {
		struct bench *b = bench_new();
		bench_frame(b, BENCH_LIBC, NULL, pools[i].primitive);
		bench_frame(b, pools[i].module, pools[i].symbol, NULL);
		bench_frame(b, BENCH_PROGRAM, "work", NULL);
		const struct hd_lock *lock = bench_classify(b, NULL, NULL, OBJ, 0x89, 0);
		cr_expect_eq(lock->kind, HD_LOCK_CONDITION, "%s: %d", pools[i].symbol, lock->kind);
		cr_expect(lock->family != NULL && strcmp(lock->family, pools[i].family) == 0, "%s: %s", pools[i].symbol, lock->family);
		bench_free(b);
	}
}

Test(lock_runtimes, the_tbb_mutex_is_named_in_the_node_before_the_waiters_word, .timeout = 10)
{
	struct bench *b = bench_new();
	uint64_t node = BENCH_SP + 0x40;
	bench_put32(b, node, 2);
	bench_put64(b, node - 0x18, OBJ);
	bench_put32(b, OBJ, 1);
	const struct hd_lock *lock =
		bench_classify(b, "/usr/lib/libtbb.so.12.8",
			       "_ZN3tbb6detail2r115wait_on_addressEPvRNS0_2d113delegate_baseEm", node, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_MUTEX);
	cr_expect_eq(lock->base, OBJ);
	cr_expect(lock->is_held);
	bench_free(b);
}

Test(lock_runtimes, a_condition_of_a_pool_is_the_team, .timeout = 10)
{
	struct bench *b = bench_new();
	bench_frame(b, BENCH_LIBC, NULL, "pthread_cond_wait");
	bench_frame(b, "/usr/lib/llvm-14/lib/libomp.so.5", "__kmp_suspend_64", NULL);
	bench_frame(b, "/usr/lib/llvm-14/lib/libomp.so.5", "__kmpc_barrier", NULL);
	bench_frame(b, BENCH_PROGRAM, "work", NULL);
	cr_expect_eq(bench_classify(b, NULL, NULL, OBJ, 0x189, 0)->kind, HD_LOCK_TEAM);
	cr_expect_str_eq(b->lock.family, "libomp");
	bench_free(b);
}

Test(lock_runtimes, jemalloc_is_an_allocator_with_an_owner, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, OBJ, 2, 0, 42, 1, 0x200);
	bench_frame(b, BENCH_LIBC, NULL, "pthread_mutex_lock");
	bench_frame(b, "/usr/lib/libjemalloc.so.2", NULL, NULL);
	bench_frame(b, "/usr/lib/libjemalloc.so.2", NULL, "malloc");
	bench_frame(b, BENCH_PROGRAM, "work", NULL);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, OBJ, 0x80, 2);
	cr_expect_eq(lock->kind, HD_LOCK_MALLOC);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect_str_eq(lock->family, "jemalloc");
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_free(b);
}
