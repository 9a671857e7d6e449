#include <criterion/criterion.h>

#include "../lib/lock_bench.h"

#define SEM (BENCH_DATA + 0x1000)
#define TCB (BENCH_DATA + 0x4000)
#define OBJECT (BENCH_DATA + 0x5000)
#define TYPE (BENCH_DATA + 0x6000)
#define PYTHON "/usr/bin/python3.11"

static void put_object(struct bench *b, const char *type_name)
{
	bench_put64(b, OBJECT + 8, TYPE);
	bench_put64(b, TYPE + 24, TYPE + 0x100);
	strcpy((char *)bench_at(b, TYPE + 0x100, 64), type_name);
}

static void put_wait(struct bench *b)
{
	BENCH_WORDS(b, SEM, 0, 1, 0);
	bench_put64(b, BENCH_SP + 0x10, SEM);
	bench_frame(b, BENCH_LIBC, NULL, "sem_wait");
	bench_frame(b, PYTHON, "PyThread_acquire_lock_timed", NULL);
	bench_frame(b, PYTHON, NULL, NULL);
}

Test(lock_python, a_lock_is_a_semaphore_without_an_owner, .timeout = 10)
{
	struct bench *b = bench_new();
	put_wait(b);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, SEM, 0x189, 0);
	cr_expect_eq(lock->kind, HD_LOCK_PYTHON);
	cr_expect_eq(lock->base, SEM);
	cr_expect(lock->is_held && !lock->owner_releases);
	cr_expect_eq(lock->owner_tid, 0);
	cr_expect_str_eq(lock->api, "threading.Lock.acquire");
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_free(b);
}

Test(lock_python, an_rlock_is_the_object_that_points_to_the_semaphore, .timeout = 10)
{
	struct bench *b = bench_new();
	put_wait(b);
	put_object(b, "_thread.RLock");
	bench_tcb(b, TCB, 42);
	bench_put64(b, OBJECT + 16, SEM);
	bench_put64(b, OBJECT + 24, TCB);
	bench_put64(b, BENCH_SP + 0x180, OBJECT);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, SEM, 0x189, 0);
	cr_expect_eq(lock->owner_tcb, TCB);
	cr_expect_eq(lock->owner_tid, 42);
	cr_expect(lock->owner_releases && lock->is_recursive);
	cr_expect_str_eq(lock->api, "threading.RLock.acquire");
	put_object(b, "_thread.lock");
	lock = bench_classify(b, NULL, NULL, SEM, 0x189, 0);
	cr_expect(lock->owner_tcb == 0 && !lock->owner_releases, "a plain lock has no owner field");
	bench_free(b);
}

Test(lock_python, a_parked_waiter_has_the_address_below_its_word, .timeout = 10)
{
	struct bench *b = bench_new();
	uint64_t node = BENCH_SP + 0x80;
	bench_put64(b, node - 8, OBJECT + 16);
	*bench_at(b, OBJECT + 16, 1) = 3;
	bench_frame(b, BENCH_LIBC, NULL, "sem_wait");
	bench_frame(b, "/usr/lib/libpython3.13.so.1.0", "_PySemaphore_Wait", NULL);
	bench_frame(b, "/usr/lib/libpython3.13.so.1.0", "_PyParkingLot_Park", NULL);
	bench_frame(b, "/usr/lib/libpython3.13.so.1.0", "_PyMutex_LockTimed", NULL);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, node, 0x189, 0);
	cr_expect_eq(lock->kind, HD_LOCK_PYTHON);
	cr_expect_eq(lock->base, OBJECT + 16);
	cr_expect(lock->is_held);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	int32_t owner;
	cr_expect_eq(hd_lock_is_held(&b->mem, lock, &owner), HD_YES);
	*bench_at(b, OBJECT + 16, 1) = 0;
	cr_expect_eq(hd_lock_is_held(&b->mem, lock, &owner), HD_NO);
	bench_free(b);
}

Test(lock_python, semaphores_of_multiprocessing_are_shared_ones, .timeout = 10)
{
	struct bench *b = bench_new();
	BENCH_WORDS(b, BENCH_SHARED, 0, 1, 0x80);
	bench_put64(b, BENCH_SP + 0x10, BENCH_SHARED);
	bench_frame(b, BENCH_LIBC, NULL, "sem_wait");
	bench_frame(b, "/usr/lib/python3.11/lib-dynload/_multiprocessing.cpython-311-x86_64-linux-gnu.so", NULL, NULL);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, BENCH_SHARED, 0x109, 0);
	cr_expect_eq(lock->kind, HD_LOCK_SEMAPHORE);
	cr_expect(lock->is_pshared);
	cr_expect_str_eq(lock->api, "multiprocessing.SemLock.acquire");
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	bench_free(b);
}

/* SemLockObject {head, handle 16, last_tid 24, count 32, maxvalue 36, kind, name}. */
Test(lock_python, a_process_counts_how_often_it_holds_a_multiprocessing_lock, .timeout = 10)
{
	struct bench *b = bench_new();
	int32_t count = 7;
	BENCH_WORDS(b, BENCH_SHARED, 0, 1, 0x80);
	put_object(b, "_multiprocessing.SemLock");
	bench_put64(b, OBJECT + 16, BENCH_SHARED);
	BENCH_WORDS(b, OBJECT + 32, 1, 1, 1);
	cr_expect_eq(hd_semlock_count(&b->mem, OBJECT, BENCH_SHARED, &count), 0);
	cr_expect_eq(count, 1);
	bench_put64(b, BENCH_SP + 0x10, BENCH_SHARED);
	bench_put64(b, BENCH_SP + 0x100, OBJECT);
	bench_frame(b, BENCH_LIBC, NULL, "sem_wait");
	bench_frame(b, "/usr/lib/python3.11/lib-dynload/_multiprocessing.cpython-311-x86_64-linux-gnu.so", NULL, NULL);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, BENCH_SHARED, 0x109, 0);
	cr_expect_eq(lock->semlock, OBJECT);
	cr_expect(lock->is_held);
	bench_put32(b, OBJECT + 32, 0);
	cr_expect(hd_semlock_count(&b->mem, OBJECT, BENCH_SHARED, &count) == 0 && count == 0);
	bench_put32(b, OBJECT + 36, 4);
	cr_expect_lt(hd_semlock_count(&b->mem, OBJECT, BENCH_SHARED, &count), 0, "a semaphore that several may have is no lock");
	bench_put32(b, OBJECT + 36, 1);
	cr_expect_lt(hd_semlock_count(&b->mem, OBJECT, BENCH_SHARED + 64, &count), 0, "of another semaphore");
	put_object(b, "_thread.lock");
	cr_expect_lt(hd_semlock_count(&b->mem, OBJECT, BENCH_SHARED, &count), 0, "another type");
	bench_free(b);
}
