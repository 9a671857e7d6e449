/* The lock classifier on real blocked threads: every situation of the lock zoo on this machine's libraries. */
#include <criterion/criterion.h>

#include "../lib/zoo_run.h"

/* Beside this program: build/tests/unit/x -> build/tests/zoo/. */
static bool zoo_path(const char *program, char ret[512])
{
	char self[384];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	cr_assert_gt(n, 0);
	self[n] = '\0';
	for (int up = 0; up < 2; up++)
		*strrchr(self, '/') = '\0';
	snprintf(ret, 512, "%s/zoo/%s", self, program);
	return access(ret, X_OK) == 0;
}

static void zoo_passes(const char *program)
{
	char path[512];
	HD_CLEAN_BUF struct hd_buf wrong = {0};
	if (!zoo_path(program, path))
		cr_skip_test("its compiler is not installed");
	struct zoo_result result = zoo_program(NULL, path, &wrong);
	cr_assert_eq(result.wrong, 0, "%s", hd_buf_text(&wrong));
	cr_assert_gt(result.right, 0);
}

#define ZOO(sentence, program)                \
	Test(zoo, sentence, .timeout = 120)   \
	{                                     \
		zoo_passes(program);          \
	}

ZOO(posix_threads_of_this_libc_are_told, "posix")
ZOO(posix_threads_in_a_static_program_are_told, "posix-static")
ZOO(locks_inside_the_c_library_are_told, "libc")
ZOO(cxx_objects_are_told, "cxx")
ZOO(openmp_waits_are_told, "gomp")
ZOO(llvm_openmp_waits_are_told, "libomp")
ZOO(tbb_mutexes_are_told, "tbb")
ZOO(abseil_waits_are_told, "absl")
ZOO(rust_waits_are_told, "rust")

Test(zoo, python_locks_are_told, .timeout = 120)
{
	HD_CLEAN_BUF struct hd_buf wrong = {0};
	if (access("/usr/bin/python3", X_OK) < 0 || access("tests/zoo/python.py", R_OK) < 0)
		cr_skip_test("no python3, or not run from the source folder");
	struct zoo_result result = zoo_program(NULL, "/usr/bin/python3 tests/zoo/python.py", &wrong);
	cr_assert_eq(result.wrong, 0, "%s", hd_buf_text(&wrong));
	cr_assert_gt(result.right, 0);
}

Test(zoo, musl_is_not_taken_for_glibc, .timeout = 120)
{
	zoo_passes("posix-musl");
	zoo_passes("posix-musl-static");
}
