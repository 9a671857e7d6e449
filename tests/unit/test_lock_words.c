#include <criterion/criterion.h>

#include "hangdog/snapshot.h"

struct row {
	const char *family, *api;
	enum hd_lock_kind kind;
	uint64_t base;
	const char *words;
	bool is_elsewhere;
};

static const struct row rows[] = {
	{"absl", "absl::Mutex::Lock", HD_LOCK_MUTEX, 0x1000, "an absl::Mutex", false},
	{"absl", "absl::Mutex::Lock", HD_LOCK_MUTEX, 0, "an absl::Mutex", true},
	{"absl", "absl::CondVar::Wait", HD_LOCK_CONDITION, 0, "an absl::CondVar", true},
	{"absl", "absl::Mutex::Await", HD_LOCK_CONDITION, 0, "a condition under an absl::Mutex", true},
	{"rust", "std::sync::Mutex::lock", HD_LOCK_RUST, 0x1000, "a Rust std::sync::Mutex", false},
	{"rust", "std::sync::mpsc::Receiver::recv", HD_LOCK_PARKER, 0, "a message on a Rust channel", true},
	{"rust", "std::thread::park", HD_LOCK_PARKER, 0, "another thread to unpark this one (Rust)", true},
	{"parking_lot", "parking_lot::Mutex::lock", HD_LOCK_MUTEX, 0x1000, "a parking_lot::Mutex", false},
	{"parking_lot", "parking_lot::RwLock::write", HD_LOCK_RWLOCK_WRITE, 0, "a parking_lot::RwLock, to write", true},
	{"rayon", "rayon", HD_LOCK_CONDITION, 0x1000, "the threads of a rayon pool", false},
	{"go", "runtime.futex", HD_LOCK_PARKER, 0, "the Go scheduler to wake this thread", true},
	{"tbb", "tbb::mutex::lock", HD_LOCK_MUTEX, 0x1000, "a oneTBB mutex", false},
	{"cpython", "multiprocessing.SemLock.acquire", HD_LOCK_SEMAPHORE, 0x1000, "a multiprocessing lock or semaphore", false},
	{"cpython", "threading.Lock.acquire", HD_LOCK_PYTHON, 0x1000, "a Python lock", false},
	{"glibc", "pthread_mutex_lock", HD_LOCK_MUTEX, 0x1000, "a mutex", false},
	{NULL, NULL, HD_LOCK_MUTEX, 0, "a mutex", false},
	{NULL, NULL, HD_LOCK_PARKER, 0, "a wake-up call to this thread", true},
};

Test(lock_words, a_lock_is_told_in_the_words_of_its_library_and_a_parker_is_not_the_lock, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(rows); i++) {
		struct hd_lock lock = {.family = rows[i].family, .api = rows[i].api, .kind = rows[i].kind, .base = rows[i].base};
		cr_expect_str_eq(hd_lock_what(&lock), rows[i].words, "row %zu: %s", i, hd_lock_what(&lock));
		cr_expect_eq(hd_lock_is_elsewhere(&lock), rows[i].is_elsewhere, "row %zu", i);
	}
}
