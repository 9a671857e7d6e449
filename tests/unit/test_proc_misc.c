#include <criterion/criterion.h>
#include <string.h>

#include "parse/proc_misc.h"

Test(proc_misc, posix_timers_are_listed_with_what_they_send, .timeout = 10)
{
	const char *text = "ID: 0\nsignal: 14/0000000000000000\nnotify: signal/pid.123\nClockID: 0\n"
			   "ID: 1\nsignal: 32/0000000000000000\nnotify: signal/tid.124\nClockID: 1\n"
			   "ID: 2\nsignal: 0/0000000000000000\nnotify: none/pid.123\nClockID: 1\n";
	struct hd_posix_timer t;
	bool bad = false;
	cr_assert(hd_timers_next(&text, &t, &bad));
	cr_assert(t.signal == 14 && !t.wakes_thread && !t.is_silent);
	cr_assert(hd_timers_next(&text, &t, &bad));
	cr_assert(t.signal == 32 && t.wakes_thread);
	cr_assert(hd_timers_next(&text, &t, &bad));
	cr_assert(t.is_silent);
	cr_assert_not(hd_timers_next(&text, &t, &bad));
	cr_assert_not(bad);
}

Test(proc_misc, a_timer_whose_signal_cannot_be_read_is_reported_as_bad, .timeout = 10)
{
	const char *text = "ID: 0\nsignal: x\nnotify: signal/pid.123\n";
	struct hd_posix_timer t;
	bool bad = false;
	cr_assert(hd_timers_next(&text, &t, &bad));
	cr_assert(bad);
}

Test(proc_misc, locks_and_their_waiters_are_told_apart, .timeout = 10)
{
	const char *text = "1: FLOCK  ADVISORY  WRITE 18219 fe:00:2147147 0 EOF\n"
			   "1: -> FLOCK  ADVISORY  READ 18220 fe:00:2147147 0 EOF\n"
			   "2: OFDLCK ADVISORY  WRITE -1 08:01:5 128 128\n"
			   "3: POSIX  ADVISORY  READ 7 <none>:0 0 EOF\n";
	struct hd_file_lock l;
	bool bad = false;
	cr_assert(hd_locks_next(&text, &l, &bad));
	cr_assert(l.id == 1 && !l.is_waiter && l.is_write && l.pid == 18219 && l.ino == 2147147 && l.dev_major == 0xfe);
	cr_assert(hd_locks_next(&text, &l, &bad));
	cr_assert(l.id == 1 && l.is_waiter && !l.is_write && l.pid == 18220);
	cr_assert(hd_locks_next(&text, &l, &bad));
	cr_assert(l.is_ofd && l.pid == -1 && l.dev_major == 8 && l.dev_minor == 1 && l.ino == 5);
	uint64_t range = l.range;
	const char *info = "9: OFDLCK ADVISORY  WRITE -1 08:01:5 128 128\n9: OFDLCK ADVISORY  WRITE -1 08:01:5 128 129\n";
	cr_assert(hd_locks_next(&info, &l, &bad) && l.range == range, "the same lock as a descriptor's fdinfo shows it");
	cr_assert(hd_locks_next(&info, &l, &bad) && l.range != range);
	cr_assert_not(hd_locks_next(&text, &l, &bad));
	cr_assert_not(bad);
	text = "4: POSIX nonsense\n";
	cr_assert_not(hd_locks_next(&text, &l, &bad));
	cr_assert(bad);
}

Test(proc_misc, rows_of_the_tcp_table_give_both_ends, .timeout = 10)
{
	const char *text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
			   "   0: 0100007F:07E8 0100007F:BEE0 01 00000003:00000001 00:00000000 00000000  1000        0 1533 1 0 20 4\n";
	struct hd_tcp_row row;
	bool bad = false;
	cr_assert(hd_tcp_next(&text, &row, &bad));
	cr_assert_str_eq(row.local, "0100007F:07E8");
	cr_assert_str_eq(row.remote, "0100007F:BEE0");
	cr_assert(row.state == 1 && row.tx_queue == 3 && row.rx_queue == 1 && row.ino == 1533);
	cr_assert_not(hd_tcp_next(&text, &row, &bad));
	cr_assert_not(bad);
	text = "   0: 0100007F:07E8\n";
	cr_assert_not(hd_tcp_next(&text, &row, &bad));
	cr_assert(bad);
}

Test(proc_misc, a_frozen_group_says_so, .timeout = 10)
{
	cr_assert_eq(hd_cgroup_frozen("populated 1\nfrozen 0\n"), HD_NO);
	cr_assert_eq(hd_cgroup_frozen("populated 1\nfrozen 1\n"), HD_YES);
	cr_assert_eq(hd_cgroup_frozen("populated 1\n"), HD_UNKNOWN);
}

Test(proc_misc, the_count_of_processes_ended_for_want_of_memory_is_read, .timeout = 10)
{
	cr_expect_eq(hd_vmstat_oom_kills("drop_slab 0\noom_kill 17\nunevictable 3\n"), 17);
	cr_expect_eq(hd_vmstat_oom_kills("nr_free 1\nthp_oom_kill 4\n"), -1, "kernels before 4.13");
	cr_expect_eq(hd_vmstat_oom_kills("a 1\noom_kill x\n"), -1);
	cr_expect_eq(hd_vmstat_oom_kills(""), -1);
}
