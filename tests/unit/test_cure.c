/* Cures.  covers: cure_python.c (what it does is tested with real interpreters in tests/e2e/cure.py) */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "hangdog/cure.h"

static struct hd_arena *arena;

static void setup(void)
{
	arena = hd_arena_new();
}

static void teardown(void)
{
	hd_arena_free(arena);
}

TestSuite(cure, .init = setup, .fini = teardown, .timeout = 10);

static const char *const empty[] = {"HOME=/home/ann", NULL};

Test(cure, names_are_checked_and_the_remedy_given)
{
	struct hd_err err = {0};
	cr_assert_eq(hd_cure_check("auto", &err), 0);
	cr_assert_eq(hd_cure_check("none", &err), 0);
	cr_assert_eq(hd_cure_check("omp-threads=1,mp-start=spawn", &err), 0);
	cr_assert_eq(hd_cure_check("omp-threads=1,snakeoil", &err), -EINVAL);
	cr_assert(strstr(err.text, "'snakeoil'") != NULL && strstr(err.text, "doctor --cures") != NULL, "%s", err.text);
	cr_assert_eq(hd_cure_check("", &err), -EINVAL);
	cr_assert_eq(hd_cure_check("auto,omp-threads=1", &err), -EINVAL);
	cr_assert_eq(hd_cure_check("omp-threads=1,", &err), -EINVAL);
}

Test(cure, a_plan_sets_the_variables_of_its_cures)
{
	struct hd_cure_plan plan = hd_cure_plan("omp-threads=1,tokenizers=off", empty, "/c", arena);
	cr_assert_str_eq(plan.env[0], "OMP_NUM_THREADS=1");
	cr_assert_str_eq(plan.env[1], "OMP_THREAD_LIMIT=1");
	cr_assert_str_eq(plan.env[2], "TOKENIZERS_PARALLELISM=false");
	cr_assert_null(plan.env[3]);
	cr_assert_null(plan.kept);
	cr_assert_eq(plan.files, 0);
	cr_assert_null(hd_cure_plan("none", empty, "/c", arena).env[0]);
}

Test(cure, what_the_user_set_stays)
{
	static const char *const env[] = {"MKL_NUM_THREADS=8", "MKL_NUM=x", "NUMEXPR_NUM_THREADS=1", NULL};
	struct hd_cure_plan plan = hd_cure_plan("blas-threads=1", env, "/c", arena);
	cr_assert_str_eq(plan.env[0], "OPENBLAS_NUM_THREADS=1");
	cr_assert_null(plan.env[1]);
	cr_assert_str_eq(plan.kept, "MKL_NUM_THREADS");
}

Test(cure, variables_that_help_only_together_are_never_set_alone)
{
	/* OMP_THREAD_LIMIT=1 alone makes OpenBLAS spin. */
	static const char *const other[] = {"OMP_NUM_THREADS=8", NULL}, *const same[] = {"OMP_NUM_THREADS=1", NULL};
	struct hd_cure_plan plan = hd_cure_plan("omp-threads=1", other, "/c", arena);
	cr_assert_null(plan.env[0]);
	cr_assert_str_eq(plan.kept, "OMP_NUM_THREADS");
	plan = hd_cure_plan("omp-threads=1", same, "/c", arena);
	cr_assert_str_eq(plan.env[0], "OMP_THREAD_LIMIT=1");
	cr_assert_null(plan.kept);
	static const char *const mine[] = {"HANGDOG_MP_START=fork", NULL};
	cr_assert_eq(hd_cure_plan("mp-start=spawn", mine, "/c", arena).files, 0);
}

Test(cure, the_python_folder_leads_the_path_once)
{
	static const char *const old[] = {"PYTHONPATH=/lib/mine", NULL}, *const again[] = {"PYTHONPATH=/c/python:/lib/mine", NULL};
	struct hd_cure_plan plan = hd_cure_plan("mp-start=spawn,mp-start=spawn", old, "/c", arena);
	cr_assert_eq(plan.files, HD_CURE_PYTHON);
	cr_assert_str_eq(plan.env[0], "HANGDOG_MP_START=spawn");
	cr_assert_str_eq(plan.env[1], "PYTHONPATH=/c/python:/lib/mine");
	plan = hd_cure_plan("mp-start=spawn", empty, "/c", arena);
	cr_assert_str_eq(plan.env[1], "PYTHONPATH=/c/python");
	plan = hd_cure_plan("mp-start=spawn", again, "/c", arena);
	cr_assert_null(plan.env[1]);
}

Test(cure, preload_libraries_follow_those_of_the_user)
{
	static const char *const old[] = {"LD_PRELOAD=libmine.so", NULL};
	struct hd_cure_plan plan = hd_cure_plan("fork-gate,omp-pause", empty, "/c", arena);
	cr_assert_eq(plan.files, HD_CURE_PAUSE | HD_CURE_GATE);
	cr_assert_str_eq(plan.env[0], "LD_PRELOAD=/c/" HD_CURE_PAUSE_FILE ":/c/" HD_CURE_GATE_FILE);
	cr_assert_null(plan.env[1]);
	plan = hd_cure_plan("fork-gate", old, "/c", arena);
	cr_assert_str_eq(plan.env[0], "LD_PRELOAD=libmine.so:/c/" HD_CURE_GATE_FILE);
	const char *again[] = {plan.env[0], NULL};
	cr_assert_null(hd_cure_plan("fork-gate", again, "/c", arena).env[0]);
}

static const char *next_of(const char *first, const char *second, const char *tried, bool is_python)
{
	const struct hd_advice advice[] = {{.cure = first}, {.cure = second}};
	const struct hd_cure *cure = hd_cure_next(advice, 2, tried, is_python, empty);
	return cure != NULL ? cure->name : "nothing";
}

Test(cure, auto_takes_the_least_intrusive_that_the_advice_names)
{
	cr_assert_str_eq(next_of("mp-start=spawn", "omp-threads=1", "", true), "omp-threads=1");
	cr_assert_str_eq(next_of(NULL, "mp-start=spawn", "", true), "mp-start=spawn");
	cr_assert_str_eq(next_of(NULL, NULL, "", true), "nothing");
}

Test(cure, auto_goes_further_when_the_hang_comes_again)
{
	cr_assert_str_eq(next_of("omp-threads=1", "mp-start=spawn", "omp-threads=1", true), "mp-start=spawn");
	cr_assert_str_eq(next_of("omp-threads=1", NULL, "omp-threads=1", true), "mp-start=spawn");
	cr_assert_str_eq(next_of("omp-threads=1", NULL, "omp-threads=1", false), "omp-pause");
	cr_assert_str_eq(next_of("omp-threads=1", NULL, "omp-threads=1,mp-start=spawn,omp-pause", true), "fork-gate");
	cr_assert_str_eq(next_of("omp-threads=1", NULL, "omp-threads=1,mp-start=spawn,omp-pause,fork-gate", true), "nothing");
}

Test(cure, auto_passes_over_what_the_user_decided)
{
	static const char *const env[] = {"OMP_NUM_THREADS=8", NULL};
	const struct hd_advice advice[] = {{.cure = "omp-threads=1"}, {.cure = "mp-start=spawn"}};
	cr_assert_str_eq(hd_cure_next(advice, 2, "", true, env)->name, "mp-start=spawn");
	cr_assert_str_eq(hd_cure_next(advice, 1, "", false, env)->name, "omp-pause");
}

Test(cure, every_cure_is_told_and_sets_something)
{
	size_t n = 0;
	for (const struct hd_cure *c; (c = hd_cure_at(n)) != NULL; n++) {
		cr_expect_gt(strlen(c->fixes), 8, "%s", c->name);
		cr_expect_gt(strlen(c->costs), 8, "%s", c->name);
		cr_expect(c->env[0] != NULL || (c->how & HD_CURE_FILES) != 0, "%s", c->name);
		for (size_t i = 0; c->env[i] != NULL; i++)
			cr_expect_not_null(strchr(c->env[i], '='), "%s", c->name);
		cr_expect_eq(hd_cure_find(c->name, strlen(c->name)), c, "%s is there twice", c->name);
	}
	cr_assert_gt(n, 10);
	cr_assert_not_null(hd_non_cure_at(3));
}
