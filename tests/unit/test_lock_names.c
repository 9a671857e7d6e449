#include "parse/lock_names.h"

#include <criterion/criterion.h>

#include "../lib/lock_bench.h"

/* "module:symbol:called_as", innermost first; an empty name is none. */
static struct hd_lock_calls calls_of(struct bench *b, const char *frames)
{
	struct hd_lock_calls calls;
	char *text = hd_arena_str(b->arena, frames), *save = NULL;
	b->frame_stack.n = 0;
	for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		char *symbol = strchr(word, ':'), *called = strchr(symbol + 1, ':');
		*symbol++ = '\0';
		*called++ = '\0';
		bench_frame(b, *word != '\0' ? word : NULL, *symbol != '\0' ? symbol : NULL,
			    *called != '\0' ? called : NULL);
	}
	hd_lock_calls_find(&b->frame_stack, b->arena, &calls);
	return calls;
}

struct name_row {
	const char *frames;
	enum hd_lock_api outermost_primitive;
	enum hd_lock_api innermost_caller;
	const char *outermost;
};

static const struct name_row rows[] = {
	{"/l/libc.so.6:__lll_lock_wait: /l/libc.so.6::pthread_mutex_lock /p:main:", HD_API_MUTEX, HD_API_NONE,
	 "pthread_mutex_lock"},
	{"/l/libc.so.6:__GI___pthread_mutex_lock.part.0@@GLIBC_2.2.5: /p:main:", HD_API_MUTEX, HD_API_NONE,
	 "pthread_mutex_lock"},
	{"/l/libc.so.6::pthread_mutex_lock /l/libc.so.6::pthread_cond_wait "
	 "/l/libstdc++.so.6:_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE: /p:main:",
	 HD_API_COND, HD_API_NONE, "std::condition_variable::wait"},
	{"/l/libc.so.6:__lll_lock_wait_private: /l/libc.so.6:__tz_convert: /l/libc.so.6::localtime_r /p:main:",
	 HD_API_NONE, HD_API_LIBC, "localtime_r"},
	{"/l/libc.so.6::malloc /l/libc.so.6::fopen /p:main:", HD_API_NONE, HD_API_MALLOC, "fopen"},
	{"/l/libc.so.6::syscall /p:_ZN3std3sys4sync5mutex5futex5Mutex14lock_contended17h0123456789abcdefE: /p:main:",
	 HD_API_RUST_MUTEX, HD_API_NONE, "std::sync::Mutex::lock"},
	{"/l/libc.so.6::syscall /p:_RNvMNtNtNtNtCs1_3std3sys4sync5mutex5futexNtB2_5Mutex14lock_contended: /p:main:",
	 HD_API_RUST_MUTEX, HD_API_NONE, "std::sync::Mutex::lock"},
	{"/l/libabsl_synchronization.so.2:AbslInternalPerThreadSemWait_lts_20220623: "
	 "/l/libabsl_synchronization.so.2:_ZN4absl12lts_202206235Mutex4LockEv: /p:main:",
	 HD_API_ABSL_MUTEX, HD_API_NONE, "absl::Mutex::Lock"},
	{"/l/libgomp.so.1.0.0:: /l/libgomp.so.1.0.0::GOMP_parallel /p:main:", HD_API_NONE, HD_API_TEAM,
	 "GOMP_parallel"},
	{"/l/libc.so.6::sem_wait /usr/bin/python3.11:PyThread_acquire_lock_timed: /usr/bin/python3.11:rlock_acquire:",
	 HD_API_SEM, HD_API_PY_LOCK, "threading.RLock.acquire"},
	{"/l/libc.so.6::syscall /p:_ZN16parking_lot_core13thread_parker3imp12ThreadParker10futex_wait17h6e8ba711b7d35c3dE: "
	 "/p:_ZN117_$LT$parking_lot_core..thread_parker..imp..ThreadParker$u20$as$u20$parking_lot_core..thread_parker.."
	 "ThreadParkerT$GT$4park17h730f6a4435364501E: /p:_ZN16parking_lot_core11parking_lot4park17hfa59776f27cfdb6eE: "
	 "/p:_ZN11parking_lot9raw_mutex8RawMutex9lock_slow17h26fb50cf4cac2b30E: /p:main:",
	 HD_API_PARKING_LOT, HD_API_NONE, "parking_lot::Mutex::lock"},
	{"/go:runtime.futex.abi0: /go:runtime.futexsleep: /go:main.main:", HD_API_GO, HD_API_NONE, "runtime.futex"},
	/* Entry points are no calls, and the program's own functions end the walk, whatever they are called. */
	{"/l/libc.so.6::sem_wait /l/libc.so.6:start_thread: /l/libc.so.6:clone3:", HD_API_SEM, HD_API_NONE, "sem_wait"},
	{"/l/libc.so.6::sem_wait /p:work: /l/libc.so.6::pthread_once /p:main:", HD_API_SEM, HD_API_NONE, "sem_wait"},
	{"/l/libc.so.6::sem_wait /p:rlock_acquire: /p:malloc_lock: /p:pthread_mutex_lock_traced: /p:gomp_like:",
	 HD_API_SEM, HD_API_NONE, "sem_wait"},
	/* ... but a program may contain the library. */
	{"/p:__lll_lock_wait: /p:__pthread_mutex_lock_full: /p:main:", HD_API_MUTEX, HD_API_NONE, "pthread_mutex_lock"},
	{"", HD_API_NONE, HD_API_NONE, NULL},
	{":: /p:main:", HD_API_NONE, HD_API_NONE, NULL},
};

Test(lock_names, calls_are_found_under_all_their_names, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(rows); i++) {
		struct bench *b = bench_new();
		struct hd_lock_calls calls = calls_of(b, rows[i].frames);
		enum hd_lock_api primitive =
			calls.n_primitives > 0 ? calls.primitive[calls.n_primitives - 1].api : HD_API_NONE;
		enum hd_lock_api caller = calls.n_callers > 0 ? calls.caller[0].api : HD_API_NONE;
		cr_expect_eq(primitive, rows[i].outermost_primitive, "row %zu: %d", i, primitive);
		cr_expect_eq(caller, rows[i].innermost_caller, "row %zu: %d", i, caller);
		if (rows[i].outermost == NULL)
			cr_expect_null(calls.outermost);
		else
			cr_expect(calls.outermost != NULL && strcmp(calls.outermost, rows[i].outermost) == 0,
				  "row %zu: %s", i, calls.outermost);
		bench_free(b);
	}
}

Test(lock_names, the_c_library_is_known_by_its_file_or_its_inner_names, .timeout = 10)
{
	static const struct {
		const char *frames;
		enum hd_lock_libc libc;
	} libcs[] = {
		{"/l/libc.so.6::sem_wait", HD_LIBC_GLIBC},
		{"/lib/x86_64-linux-gnu/libpthread-2.31.so::sem_wait", HD_LIBC_GLIBC},
		{"/lib/ld-musl-x86_64.so.1:sem_wait:", HD_LIBC_MUSL},
		{"/usr/lib/x86_64-linux-musl/libc.so:sem_wait:", HD_LIBC_MUSL},
		{"/p:sem_wait: /p:main:", HD_LIBC_UNKNOWN},
		{"/p:__new_sem_wait: /p:main:", HD_LIBC_GLIBC},
		{"/p:sem_wait: /p:work: /p:start_thread: /p:clone3:", HD_LIBC_GLIBC},
		{"/p:__timedwait_cp: /p:sem_timedwait: /p:main:", HD_LIBC_MUSL},
		{"/p:sem_wait: /p:work: /p:start:", HD_LIBC_MUSL},
	};
	for (size_t i = 0; i < HD_COUNTOF(libcs); i++) {
		struct bench *b = bench_new();
		cr_expect_eq(calls_of(b, libcs[i].frames).libc, libcs[i].libc, "%s", libcs[i].frames);
		bench_free(b);
	}
}

Test(lock_names, guessed_frames_only_count_with_names_of_locking_calls, .timeout = 10)
{
	struct bench *b = bench_new();
	struct hd_lock_calls calls;
	bench_frame(b, "/lib/ld-musl-x86_64.so.1", "strcmp", NULL);
	b->frames[0].is_guess = true;
	hd_lock_calls_find(&b->frame_stack, b->arena, &calls);
	cr_expect_eq(calls.n_callers, 0);
	cr_expect_null(calls.outermost);
	bench_free(b);
}

Test(lock_names, a_signal_handler_ends_the_walk, .timeout = 10)
{
	struct bench *b = bench_new();
	struct hd_lock_calls calls;
	bench_frame(b, BENCH_LIBC, "sem_wait", NULL);
	bench_frame(b, BENCH_LIBC, "__restore_rt", NULL);
	b->frames[1].is_signal = true;
	bench_frame(b, BENCH_LIBC, "malloc", NULL);
	hd_lock_calls_find(&b->frame_stack, b->arena, &calls);
	cr_expect_eq(calls.n_primitives, 1);
	cr_expect_eq(calls.n_callers, 0);
	bench_free(b);
}

Test(lock_names, very_long_names_and_many_frames_are_bounded, .timeout = 10)
{
	struct bench *b = bench_new();
	struct hd_lock_calls calls;
	char name[5000];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	struct hd_frame many[300];
	for (size_t i = 0; i < HD_COUNTOF(many); i++)
		many[i] = (struct hd_frame){
			.kind = HD_FRAME_NATIVE, .module = BENCH_LIBC, .symbol = i % 2 != 0 ? "sem_wait" : name};
	struct hd_stack stack = {.at = many, .n = HD_COUNTOF(many)};
	hd_lock_calls_find(&stack, b->arena, &calls);
	cr_expect_leq(calls.n_primitives, HD_LOCK_HITS_MAX);
	cr_expect_leq(calls.n_callers, HD_LOCK_HITS_MAX);
	bench_free(b);
}
