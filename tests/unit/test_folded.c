/* covers: folded.c */
#include <criterion/criterion.h>

#include "hangdog/folded.h"

static struct hd_frame python(const char *function, const char *file, int line)
{
	return (struct hd_frame){.kind = HD_FRAME_PYTHON, .function = function, .file = file, .line = line};
}

/* Two threads in worker/read_all, one in worker/send; innermost first. */
static struct hd_snapshot *sample(void)
{
	static struct hd_frame reading[2], sending[2];
	reading[0] = python("read_all", "/x/a.py", 3);
	reading[1] = sending[1] = python("worker", "/x/a.py", 9);
	sending[0] = (struct hd_frame){.function = "send;it", .module = "/lib/libnet.so"};
	struct hd_snapshot *snap = hd_snapshot_new();
	snap->procs = HD_NEW(snap->arena, struct hd_proc);
	snap->procs[0] = (struct hd_proc){.pid = 7, .comm = "app", .in_tree = true, .n_threads = 3, .parent = HD_NONE};
	snap->n_procs = 1;
	snap->threads = HD_NEW_N(snap->arena, 3, struct hd_thread);
	snap->n_threads = 3;
	snap->threads[0].stack = (struct hd_stack){.at = reading, .n = 2};
	snap->threads[1].stack = (struct hd_stack){.at = sending, .n = 2};
	snap->threads[2].stack = (struct hd_stack){.at = reading, .n = 2};
	return snap;
}

Test(folded, equal_stacks_are_one_line_with_their_number, .timeout = 10)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	struct hd_snapshot *snap = sample();
	hd_report_folded(snap, &out);
	cr_assert_str_eq(hd_buf_text(&out), "app;worker (a.py:9);read_all (a.py:3) 2\napp;worker (a.py:9);send,it 1\n");
	hd_snapshot_free(snap);
}

Test(folded, a_merged_tree_counts_the_threads_below_each_call, .timeout = 10)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	struct hd_snapshot *snap = sample();
	hd_report_merged(snap, &out);
	cr_assert_str_eq(hd_buf_text(&out), "     3 app\n     3  worker (a.py:9)\n     2   read_all (a.py:3)\n     1   send,it\n");
	hd_snapshot_free(snap);
}

Test(folded, no_stacks_give_no_lines, .timeout = 10)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	struct hd_snapshot *snap = hd_snapshot_new();
	hd_report_folded(snap, &out);
	hd_report_merged(snap, &out);
	cr_assert_str_eq(hd_buf_text(&out), "");
	hd_snapshot_free(snap);
}
