#include "hangdog/merge.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Stacks as words, innermost first.  In Python stacks a '!' in front marks an entry frame. */
static struct hd_stack stack_make(struct hd_arena *arena, enum hd_frame_kind kind, const char *words)
{
	struct hd_stack ret = {.at = HD_NEW_N(arena, 64, struct hd_frame), .is_complete = true};
	char *text = hd_arena_str(arena, words), *rest = NULL;
	for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		bool is_entry = kind == HD_FRAME_PYTHON && word[0] == '!';
		ret.at[ret.n++] = (struct hd_frame){.kind = kind, .function = word + is_entry, .is_pyeval = is_entry};
	}
	return ret;
}

static void merge_check(const char *native, const char *python, const char *want)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_stack n = stack_make(arena, HD_FRAME_NATIVE, native);
	struct hd_stack p = stack_make(arena, HD_FRAME_PYTHON, python);
	struct hd_stack merged = hd_stack_merge(&n, &p, arena);
	char got[1024] = "";
	for (uint32_t i = 0; i < merged.n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i != 0 ? " " : "", merged.at[i].function);
	cr_expect_str_eq(got, want);
	hd_arena_free(arena);
}

Test(merge, one_python_frame_an_evaluation_call_up_to_3_10, .timeout = 10)
{
	merge_check("futex lock_acquire _PyEval_EvalFrameDefault _PyFunction_Vectorcall _PyEval_EvalFrameDefault main",
		    "!inner !outer", "futex lock_acquire inner _PyFunction_Vectorcall outer main");
}

Test(merge, several_python_frames_up_to_the_entry_from_3_11_on, .timeout = 10)
{
	merge_check("futex _PyEval_EvalFrameDefault sorted _PyEval_EvalFrameDefault start_thread", "a b !c d !e",
		    "futex a b c sorted d e start_thread");
}

Test(merge, names_that_compilers_give_to_parts_and_clones, .timeout = 10)
{
	merge_check("_PyEval_EvalFrameDefault.cold x _PyEval_EvalFrameDefault.localalias y "
		    "_PyEval_EvalFrameDefault.constprop.0 _PyEval_EvalFrameDefaultish",
		    "!a !b !c", "a x b y c _PyEval_EvalFrameDefaultish");
}

Test(merge, wrappers_of_the_loop_are_the_same_call, .timeout = 10)
{
	merge_check("_PyEval_EvalFrameDefault _PyEval_EvalFrame f _PyEval_EvalFrameDefault PyEval_EvalFrameEx", "!a !b",
		    "a f b");
	merge_check("PyEval_EvalFrameEx f", "!a", "a f");
}

Test(merge, tail_calling_interpreters_have_an_instruction_on_top_of_the_loop, .timeout = 10)
{
	merge_check("futex _TAIL_CALL_CALL _PyEval_EvalFrameDefault main", "a !b", "futex a b main");
}

Test(merge, calls_that_stand_directly_on_each_other_are_two, .timeout = 10)
{
	merge_check("_PyEval_EvalFrameDefault _PyEval_EvalFrameDefault", "!a !b", "a b");
}

Test(merge, too_few_python_frames_leave_the_native_ones_standing, .timeout = 10)
{
	merge_check("_PyEval_EvalFrameDefault f _PyEval_EvalFrameDefault main", "!a", "a f _PyEval_EvalFrameDefault main");
	merge_check("f main", "", "f main");
}

Test(merge, too_many_python_frames_stand_at_the_outer_end, .timeout = 10)
{
	merge_check("futex _PyEval_EvalFrameDefault main", "a !b c !d", "futex a b main c d");
	merge_check("", "a !b", "a b");
}

Test(merge, an_unwinder_may_mark_the_loop_where_names_are_missing, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_frame frames[] = {{.function = NULL}, {.function = NULL, .is_pyeval = true}};
	struct hd_stack native = {.at = frames, .n = 2, .is_complete = true};
	struct hd_stack python = stack_make(arena, HD_FRAME_PYTHON, "!a");
	python.is_complete = false;
	struct hd_stack merged = hd_stack_merge(&native, &python, arena);
	cr_expect_eq(merged.n, 2);
	cr_expect_str_eq(merged.at[1].function, "a");
	cr_expect_not(merged.is_complete, "half a Python stack is not a complete stack");
	hd_arena_free(arena);
}

Test(merge, a_stripped_interpreter_is_recognised_by_where_its_entry_frames_point, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_stack native = stack_make(arena, HD_FRAME_NATIVE, "futex inlined ? sorted ? main");
	struct hd_stack python = stack_make(arena, HD_FRAME_PYTHON, "a !b !c");
	static const uint64_t ends[] = {100, 200, 200, 300, 400, 500};
	char got[128] = "";
	for (uint32_t i = 0; i < native.n; i++)
		native.at[i].cfa = ends[i];
	python.at[1].eval_sp = 150;
	python.at[2].eval_sp = 350;
	struct hd_stack merged = hd_stack_merge(&native, &python, arena);
	for (uint32_t i = 0; i < merged.n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i != 0 ? " " : "", merged.at[i].function);
	cr_expect_str_eq(got, "futex inlined a b sorted c main");
	hd_arena_free(arena);
}
