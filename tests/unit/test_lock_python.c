#include <criterion/criterion.h>

#include "../lib/lock_bench.h"

#define SEM (BENCH_DATA + 0x1000)
#define TCB (BENCH_DATA + 0x4000)
#define OBJECT (BENCH_DATA + 0x5000)
#define TYPE (BENCH_DATA + 0x6000)
#define PYTHON "/usr/bin/python3.11"

/* Length of an object's head: of a normal build, of a free-threaded one. */
static const unsigned heads[] = {16, 32};

static void put_object_of(struct bench *b, unsigned head, const char *type_name)
{
	bench_put64(b, OBJECT + head - 8, TYPE);
	bench_put64(b, TYPE + head + 8, TYPE + 0x100);
	strcpy((char *)bench_at(b, TYPE + 0x100, 64), type_name);
}

static void put_object(struct bench *b, const char *type_name)
{
	put_object_of(b, 16, type_name);
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

Test(lock_python, an_rlock_of_a_free_threaded_build_has_its_owner_further_back, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(heads); i++) {
		struct bench *b = bench_new();
		put_wait(b);
		put_object_of(b, heads[i], "_thread.RLock");
		bench_tcb(b, TCB, 42);
		bench_put64(b, OBJECT + heads[i], SEM);
		bench_put64(b, OBJECT + heads[i] + 8, TCB);
		bench_put64(b, BENCH_SP + 0x180, OBJECT);
		const struct hd_lock *lock = bench_classify(b, NULL, NULL, SEM, 0x189, 0);
		cr_expect_eq(lock->owner_tid, 42, "head %u", heads[i]);
		cr_expect(lock->owner_releases && lock->is_recursive && lock->rlock == OBJECT + heads[i]);
		bench_free(b);
	}
}

/* From 3.14 an RLock is a parking lot's byte with the owner behind it, and a Lock is the byte alone. */
Test(lock_python, the_object_around_a_parked_waiter_s_byte_says_what_it_is, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(heads); i++) {
		struct bench *b = bench_new();
		uint64_t node = BENCH_SP + 0x80;
		put_object_of(b, heads[i], "_thread.RLock");
		bench_tcb(b, TCB, 42);
		bench_put64(b, node - 8, OBJECT + heads[i]);
		bench_put64(b, OBJECT + heads[i], 3);
		bench_put64(b, OBJECT + heads[i] + 8, TCB);
		bench_frame(b, BENCH_LIBC, NULL, "sem_wait");
		bench_frame(b, PYTHON, "_PyParkingLot_Park", NULL);
		const struct hd_lock *lock = bench_classify(b, NULL, NULL, node, 0x189, 0);
		cr_expect_eq(lock->owner_tid, 42, "head %u", heads[i]);
		cr_expect_str_eq(lock->api, "threading.RLock.acquire");
		put_object_of(b, heads[i], "_thread.lock");
		lock = bench_classify(b, NULL, NULL, node, 0x189, 0);
		cr_expect_eq(lock->owner_tid, 0);
		cr_expect_str_eq(lock->api, "threading.Lock.acquire", "head %u", heads[i]);
		bench_free(b);
	}
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

/* PyThreadState.state 2: the world is stopped (free-threaded builds).  The lock that the thread had just got is not it. */
Test(lock_python, a_thread_that_is_stopped_with_all_others_waits_for_no_lock, .timeout = 10)
{
	struct bench *b = bench_new();
	uint64_t node = BENCH_SP + 0x80;
	int32_t owner;
	bench_put64(b, node - 8, OBJECT + 40);
	bench_put32(b, OBJECT + 40, 2);
	bench_frame(b, BENCH_LIBC, NULL, "sem_wait");
	bench_frame(b, PYTHON, "_PyParkingLot_Park", NULL);
	bench_frame(b, PYTHON, "_PyThreadState_Attach", NULL);
	bench_frame(b, PYTHON, "PyEval_AcquireThread", NULL);
	bench_frame(b, PYTHON, "_PyParkingLot_Park", NULL);
	bench_frame(b, PYTHON, "_PyMutex_LockTimed", NULL);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, node, 0x189, 0);
	cr_expect_eq(lock->kind, HD_LOCK_PARKER);
	cr_expect(lock->base == 0 && !lock->is_held);
	cr_expect_eq(lock->confidence, HD_CONF_HIGH, "%s", lock->check_failed);
	cr_expect_eq(hd_lock_is_held(&b->mem, lock, &owner), HD_UNKNOWN);
	cr_expect_str_eq(hd_lock_what(lock), "the thread that stopped all Python threads, to let them go on");
	bench_put32(b, OBJECT + 40, 0);
	lock = bench_classify(b, NULL, NULL, node, 0x189, 0);
	cr_expect_eq(lock->confidence, HD_CONF_LOW, "it was let go on meanwhile");
	bench_free(b);
}

/* There the call has no name, but the thread state holds the thread's number too. */
Test(lock_python, a_stripped_build_shows_by_the_thread_s_state_that_all_are_stopped, .timeout = 10)
{
	struct bench *b = bench_new();
	uint64_t node = BENCH_SP + 0x80;
	bench_put64(b, node - 8, OBJECT + 44);
	bench_put32(b, OBJECT + 44, 2);
	bench_put64(b, OBJECT + 160, (uint64_t)b->query.ns_tid);
	bench_frame(b, BENCH_LIBC, NULL, "sem_wait");
	bench_frame(b, PYTHON, "_PyParkingLot_Park", NULL);
	bench_frame(b, PYTHON, NULL, NULL);
	cr_expect_eq(bench_classify(b, NULL, NULL, node, 0x189, 0)->kind, HD_LOCK_PARKER);
	bench_put64(b, OBJECT + 160, (uint64_t)b->query.ns_tid + 1);
	cr_expect_eq(bench_classify(b, NULL, NULL, node, 0x189, 0)->kind, HD_LOCK_PYTHON, "another thread's");
	bench_put64(b, OBJECT + 160, (uint64_t)b->query.ns_tid);
	bench_put32(b, OBJECT + 44, 3);
	cr_expect_eq(bench_classify(b, NULL, NULL, node, 0x189, 0)->kind, HD_LOCK_PYTHON, "a mutex");
	bench_free(b);
}

/* A critical section that was given up for the wait is taken again, in the same call. */
Test(lock_python, a_mutex_that_is_wanted_on_the_way_back_is_a_mutex, .timeout = 10)
{
	struct bench *b = bench_new();
	uint64_t node = BENCH_SP + 0x80;
	bench_put64(b, node - 8, OBJECT + 10);
	*bench_at(b, OBJECT + 10, 1) = 3;
	bench_frame(b, BENCH_LIBC, NULL, "sem_wait");
	bench_frame(b, PYTHON, "_PyParkingLot_Park", NULL);
	bench_frame(b, PYTHON, "_PyMutex_LockTimed", NULL);
	bench_frame(b, PYTHON, "_PyThreadState_Attach", NULL);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, node, 0x189, 0);
	cr_expect_eq(lock->kind, HD_LOCK_PYTHON);
	cr_expect(lock->is_held && lock->base == OBJECT + 10);
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

/* SemLockObject {head, handle 0, last_tid 8, count 16, maxvalue 20, kind, name}. */
static void semlock_check(unsigned head)
{
	struct bench *b = bench_new();
	uint64_t own = OBJECT + head;
	int32_t count = 7;
	BENCH_WORDS(b, BENCH_SHARED, 0, 1, 0x80);
	put_object_of(b, head, "_multiprocessing.SemLock");
	bench_put64(b, own, BENCH_SHARED);
	BENCH_WORDS(b, own + 16, 1, 1, 1);
	cr_expect_eq(hd_semlock_count(&b->mem, OBJECT, BENCH_SHARED, &count), 0);
	cr_expect_eq(count, 1);
	bench_put64(b, BENCH_SP + 0x10, BENCH_SHARED);
	bench_put64(b, BENCH_SP + 0x100, OBJECT);
	bench_frame(b, BENCH_LIBC, NULL, "sem_wait");
	bench_frame(b, "/usr/lib/python3.11/lib-dynload/_multiprocessing.cpython-311-x86_64-linux-gnu.so", NULL, NULL);
	const struct hd_lock *lock = bench_classify(b, NULL, NULL, BENCH_SHARED, 0x109, 0);
	cr_expect_eq(lock->semlock, OBJECT);
	cr_expect(lock->is_held && lock->is_multiprocessing);
	bench_put32(b, own + 16, 0);
	cr_expect(hd_semlock_count(&b->mem, OBJECT, BENCH_SHARED, &count) == 0 && count == 0);
	bench_put32(b, own + 20, 4);
	cr_expect_lt(hd_semlock_count(&b->mem, OBJECT, BENCH_SHARED, &count), 0, "a semaphore that several may have is no lock");
	lock = bench_classify(b, NULL, NULL, BENCH_SHARED, 0x109, 0);
	cr_expect(lock->semlock == 0 && lock->is_multiprocessing);
	bench_put32(b, own + 20, 1);
	cr_expect_lt(hd_semlock_count(&b->mem, OBJECT, BENCH_SHARED + 64, &count), 0, "of another semaphore");
	put_object_of(b, head, "_thread.lock");
	cr_expect_lt(hd_semlock_count(&b->mem, OBJECT, BENCH_SHARED, &count), 0, "another type");
	lock = bench_classify(b, NULL, NULL, BENCH_SHARED, 0x109, 0);
	cr_expect_not(lock->is_multiprocessing);
	bench_free(b);
}

Test(lock_python, a_process_counts_how_often_it_holds_a_multiprocessing_lock, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(heads); i++)
		semlock_check(heads[i]);
}
