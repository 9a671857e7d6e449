#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse/proc_task.h"

static const char status_text[] =
	"Name:\tpython3\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4711\nNgid:\t0\nPid:\t4712\nPPid:\t4000\nTracerPid:\t99\n"
	"Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nNStgid:\t4711\t7\nNSpid:\t4712\t8\nThreads:\t3\n"
	"CoreDumping:\t0\nSigQ:\t0/31415\nSigPnd:\t0000000000000001\nShdPnd:\t0000000000004000\nSigBlk:\t0000000000010000\n"
	"SigIgn:\t0000000001001000\nSigCgt:\t0000000100000002\nCpus_allowed:\t3\nvoluntary_ctxt_switches:\t12\n"
	"nonvoluntary_ctxt_switches:\t5\n";

Test(proc_task, a_status_gives_signals_switches_and_the_inner_tid, .timeout = 10)
{
	struct hd_task_status s;
	cr_assert_eq(hd_status_parse(status_text, &s), 0);
	cr_assert_eq(s.state, 'S');
	cr_assert_eq(s.tgid, 4711);
	cr_assert_eq(s.ppid, 4000);
	cr_assert_eq(s.tracer, 99);
	cr_assert_eq(s.ns_tid, 8);
	cr_assert_eq(s.uid, 1000);
	cr_assert_eq(s.n_threads, 3);
	cr_assert(s.has_dumping && !s.is_dumping);
	cr_assert_eq(s.sig_pending, 1);
	cr_assert_eq(s.shd_pending, 0x4000);
	cr_assert_eq(s.sig_blocked, 0x10000);
	cr_assert_eq(s.sig_ignored, 0x1001000);
	cr_assert_eq(s.sig_caught, 0x100000002);
	cr_assert_eq(s.voluntary, 12);
	cr_assert_eq(s.involuntary, 5);
}

Test(proc_task, a_status_without_switch_counters_is_refused, .timeout = 10)
{
	char cut[sizeof(status_text)];
	struct hd_task_status s;
	snprintf(cut, sizeof(cut), "%.*s", (int)(strstr(status_text, "voluntary") - status_text), status_text);
	cr_assert_eq(hd_status_parse(cut, &s), -EINVAL);
	cr_assert_eq(hd_status_parse("", &s), -EINVAL);
}

Test(proc_task, a_stat_with_a_hostile_name_is_read, .timeout = 10)
{
	struct hd_stat s;
	cr_assert_eq(hd_stat_parse("12 (a) S 1 (x) ) R 7 8 8 0 -1 4194560 100 0 0 0 25 3 0 0 20 0 4 0 987654 1000 200 "
				   "18446744073709551615 1 2 140720000000 0 0 0\n", &s), 0);
	cr_assert_str_eq(s.name, "a) S 1 (x) ");
	cr_assert_eq(s.state, 'R');
	cr_assert_eq(s.ppid, 7);
	cr_assert_eq(s.utime, 25);
	cr_assert_eq(s.stime, 3);
	cr_assert_eq(s.n_threads, 4);
	cr_assert_eq(s.start, 987654);
	cr_assert_eq(s.start_stack, 140720000000);
	cr_assert_eq(hd_stat_parse("12 (a) S 1 2 3\n", &s), -EINVAL);
	cr_assert_eq(hd_stat_parse("12 a S 1 2 3\n", &s), -EINVAL);
	cr_assert_eq(hd_stat_parse("12 (a)", &s), -EINVAL);
}

Test(proc_task, the_three_forms_of_a_syscall_line_are_told_apart, .timeout = 10)
{
	struct hd_syscall c;
	cr_assert_eq(hd_syscall_parse("running\n", &c), 0);
	cr_assert_eq(c.form, HD_SYSCALL_RUNNING);
	cr_assert_eq(hd_syscall_parse("-1 0x7ffe00 0x401000\n", &c), 0);
	cr_assert_eq(c.form, HD_SYSCALL_OUTSIDE);
	cr_assert_eq(c.sp, 0x7ffe00);
	cr_assert_eq(hd_syscall_parse("202 0x55e0 0x80 0x2 0x0 0xffffffff80000010 0x0 0x7ffe10 0x7f0001\n", &c), 0);
	cr_assert_eq(c.form, HD_SYSCALL_NUMERIC);
	cr_assert_eq(c.nr, 202);
	cr_assert_eq(c.args[1], 0x80);
	cr_assert_eq(c.args[4], 0xffffffff80000010);
	cr_assert_eq(c.pc, 0x7f0001);
	cr_assert_eq(hd_syscall_parse("202 0x55e0 0x80\n", &c), -EINVAL);
	cr_assert_eq(hd_syscall_parse("runningx\n", &c), -EINVAL);
	cr_assert_eq(hd_syscall_parse("", &c), -EINVAL);
}

Test(proc_task, a_schedstat_gives_the_run_count, .timeout = 10)
{
	struct hd_schedstat s;
	cr_assert_eq(hd_schedstat_parse("123456 789 42\n", &s), 0);
	cr_assert_eq(s.run_ns, 123456);
	cr_assert_eq(s.runs, 42);
	cr_assert_eq(hd_schedstat_parse("1 2\n", &s), -EINVAL);
}
