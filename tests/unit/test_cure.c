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
	cr_assert_not(plan.needs_python);
	cr_assert_null(hd_cure_plan("none", empty, "/c", arena).env[0]);
}

Test(cure, what_the_user_set_stays)
{
	static const char *const env[] = {"MKL_NUM_THREADS=8", "MKL_NUM=x", "BLIS_NUM_THREADS=1", NULL};
	struct hd_cure_plan plan = hd_cure_plan("blas-threads=1", env, "/c", arena);
	cr_assert_str_eq(plan.env[0], "OPENBLAS_NUM_THREADS=1");
	cr_assert_str_eq(plan.env[1], "NUMEXPR_NUM_THREADS=1");
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
	cr_assert_not(hd_cure_plan("mp-start=spawn", mine, "/c", arena).needs_python);
}

Test(cure, the_python_folder_leads_the_path_once)
{
	static const char *const old[] = {"PYTHONPATH=/lib/mine", NULL}, *const again[] = {"PYTHONPATH=/c:/lib/mine", NULL};
	struct hd_cure_plan plan = hd_cure_plan("mp-start=spawn,mp-start=spawn", old, "/c", arena);
	cr_assert(plan.needs_python);
	cr_assert_str_eq(plan.env[0], "HANGDOG_MP_START=spawn");
	cr_assert_str_eq(plan.env[1], "PYTHONPATH=/c:/lib/mine");
	plan = hd_cure_plan("mp-start=spawn", empty, "/c", arena);
	cr_assert_str_eq(plan.env[1], "PYTHONPATH=/c");
	plan = hd_cure_plan("mp-start=spawn", again, "/c", arena);
	cr_assert_null(plan.env[1]);
}

Test(cure, auto_takes_what_the_advice_names)
{
	const struct hd_advice advice[] = {{.cure = "omp-threads=1"}, {.cure = NULL}, {.cure = "mp-start=spawn"}};
	cr_assert_str_eq(hd_cure_auto(advice, 3, arena), "omp-threads=1,mp-start=spawn");
	cr_assert_str_eq(hd_cure_auto(&advice[1], 1, arena), "none");
	cr_assert_str_eq(hd_cure_auto(NULL, 0, arena), "none");
}

Test(cure, every_cure_is_told_and_sets_something)
{
	size_t n = 0;
	for (const struct hd_cure *c; (c = hd_cure_at(n)) != NULL; n++) {
		cr_expect_gt(strlen(c->fixes), 8, "%s", c->name);
		cr_expect_gt(strlen(c->costs), 8, "%s", c->name);
		cr_expect_not_null(c->env[0], "%s", c->name);
		for (size_t i = 0; c->env[i] != NULL; i++)
			cr_expect_not_null(strchr(c->env[i], '='), "%s", c->name);
		cr_expect_eq(hd_cure_find(c->name, strlen(c->name)), c, "%s is there twice", c->name);
	}
	cr_assert_gt(n, 10);
	cr_assert_not_null(hd_non_cure_at(3));
}
