#include <criterion/criterion.h>
#include <signal.h>
#include <sys/ptrace.h>

#include "hangdog/waitstatus.h"

static int stopped(int event, int signal)
{
	return event << 16 | signal << 8 | 0x7f;
}

Test(waitstatus, exits_and_kills_end_a_task_and_need_no_answer, .timeout = 10)
{
	const int statuses[] = {0x0000, 0x0100, 0xff00, SIGKILL, SIGSEGV | 0x80};
	for (size_t i = 0; i < HD_COUNTOF(statuses); i++) {
		struct hd_stop stop = hd_stop_decode(statuses[i]);
		cr_assert_eq(stop.kind, HD_STOP_ENDED);
		cr_assert_eq(stop.answer, HD_ANSWER_NOTHING);
	}
}

Test(waitstatus, a_signal_stop_is_answered_with_that_signal, .timeout = 10)
{
	for (int sig = 1; sig <= 64; sig++) {
		struct hd_stop stop = hd_stop_decode(stopped(0, sig));
		cr_assert_eq(stop.kind, HD_STOP_SIGNAL);
		cr_assert_eq(stop.answer, HD_ANSWER_CONT);
		cr_assert_eq(stop.signal, sig);
	}
}

Test(waitstatus, the_four_stop_signals_make_a_group_stop_that_is_listened_to, .timeout = 10)
{
	const int signals[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
	for (size_t i = 0; i < HD_COUNTOF(signals); i++) {
		struct hd_stop stop = hd_stop_decode(stopped(PTRACE_EVENT_STOP, signals[i]));
		cr_assert_eq(stop.kind, HD_STOP_GROUP);
		cr_assert_eq(stop.answer, HD_ANSWER_LISTEN);
		cr_assert_eq(stop.signal, signals[i]);
	}
}

Test(waitstatus, a_trap_is_continued_without_a_signal, .timeout = 10)
{
	struct hd_stop stop = hd_stop_decode(stopped(PTRACE_EVENT_STOP, SIGTRAP));
	cr_assert_eq(stop.kind, HD_STOP_TRAP);
	cr_assert_eq(stop.answer, HD_ANSWER_CONT);
	cr_assert_eq(stop.signal, 0);
}

Test(waitstatus, births_and_execs_are_told_apart_and_never_carry_a_signal, .timeout = 10)
{
	const struct {
		int event;
		enum hd_stop_kind kind;
	} rows[] = {
		{PTRACE_EVENT_FORK, HD_STOP_BIRTH}, {PTRACE_EVENT_VFORK, HD_STOP_BIRTH}, {PTRACE_EVENT_CLONE, HD_STOP_BIRTH},
		{PTRACE_EVENT_EXEC, HD_STOP_EXEC},  {PTRACE_EVENT_EXIT, HD_STOP_OTHER},	 {PTRACE_EVENT_SECCOMP, HD_STOP_OTHER},
	};
	for (size_t i = 0; i < HD_COUNTOF(rows); i++) {
		struct hd_stop stop = hd_stop_decode(stopped(rows[i].event, SIGTRAP));
		cr_assert_eq(stop.kind, rows[i].kind);
		cr_assert_eq(stop.event, rows[i].event);
		cr_assert_eq(stop.answer, HD_ANSWER_CONT);
		cr_assert_eq(stop.signal, 0);
	}
}

Test(waitstatus, a_continued_status_asks_for_nothing, .timeout = 10)
{
	cr_assert_eq(hd_stop_decode(0xffff).kind, HD_STOP_NONE);
	cr_assert_eq(hd_stop_decode(0xffff).answer, HD_ANSWER_NOTHING);
}
