#include <criterion/criterion.h>

#include "../lib/build.h"

/* One process, one thread, a private futex with nothing against it. */
static void closed_futex(struct hd_snapshot *s)
{
	tb_lone(s, 10, 1);
	tb_futex(s, 0, 0x100);
}

static struct hd_wait classify(const struct hd_snapshot *s)
{
	return hd_classify(s, 0, s->arena);
}

Test(classify, a_private_futex_without_limit_has_no_outside, .timeout = 10)
{
	TB_SNAPSHOT(s);
	closed_futex(s);
	struct hd_wait w = classify(s);
	cr_expect_null(w.outside, "%s", w.outside);
	cr_expect_eq(w.kind, HD_WAIT_FUTEX);
	cr_expect_str_eq(w.syscall, "futex");
	cr_expect_not(w.has_deadline);
}

/* Each of these alone must open the wait. */
#define SPOILS(X)                                                                                                      \
	X(a_fact_about_freezing_is_missing, s->procs[0].is_frozen = HD_UNKNOWN)                                        \
	X(it_is_frozen, s->procs[0].is_frozen = HD_YES)                                                                \
	X(dumping_is_not_known, s->procs[0].is_dumping = HD_UNKNOWN)                                                   \
	X(it_dumps_core, s->procs[0].is_dumping = HD_YES)                                                              \
	X(a_tracer_is_not_excluded, s->procs[0].has_foreign_tracer = HD_UNKNOWN)                                       \
	X(a_debugger_is_attached, s->procs[0].has_foreign_tracer = HD_YES)                                             \
	X(io_uring_is_not_excluded, s->procs[0].has_io_uring = HD_UNKNOWN)                                             \
	X(it_has_an_io_uring, s->procs[0].has_io_uring = HD_YES)                                                       \
	X(its_timer_is_armed, s->procs[0].timer_armed = HD_YES)                                                        \
	X(a_timer_may_be_armed_and_a_signal_is_caught, (s->procs[0].timer_armed = HD_UNKNOWN, s->procs[0].sig_caught = 2)) \
	X(sigio_is_caught, s->procs[0].sig_caught = UINT64_C(1) << 28)                                                 \
	X(sigurg_is_caught, s->procs[0].sig_caught = UINT64_C(1) << 22)                                                \
	X(a_signal_is_pending_for_the_process, s->procs[0].sig_pending = 1)                                            \
	X(a_signal_is_pending_for_the_thread, s->threads[0].sig_pending = 1)                                           \
	X(it_is_stopped, s->threads[0].state = 'T')                                                                    \
	X(it_is_stopped_by_a_tracer, s->threads[0].state = 't')                                                        \
	X(it_runs, s->threads[0].state = 'R')                                                                          \
	X(it_waits_for_the_disk, s->threads[0].state = 'D')                                                            \
	X(it_has_ended, s->threads[0].state = 'Z')                                                                     \
	X(its_call_is_not_known, s->threads[0].call_known = false)                                                     \
	X(its_abi_is_not_known, s->threads[0].abi = HD_ABI_UNKNOWN)                                                    \
	X(it_is_a_32_bit_call, s->threads[0].abi = HD_ABI_I386)                                                        \
	X(its_limit_is_not_known, s->threads[0].has_timeout = HD_UNKNOWN)                                              \
	X(its_word_was_not_read, s->threads[0].words[0].value_known = false)                                           \
	X(its_word_has_changed, s->threads[0].words[0].value = 0)                                                      \
	X(its_word_is_not_in_the_snapshot, s->threads[0].n_words = 0)                                                  \
	X(its_mapping_is_not_known, s->threads[0].words[0].mapping = HD_MAPPING_UNKNOWN)                               \
	X(another_word_was_read, s->threads[0].words[0].addr = 0x200)                                                  \
	X(the_word_was_read_for_another_wait, s->threads[0].words[0].expected = 1)                                     \
	X(the_private_flag_was_misread, s->threads[0].words[0].op_private = false)                                     \
	X(the_futex_command_does_not_wait, s->threads[0].args[1] = 0x81)                                               \
	X(the_call_is_unknown, s->threads[0].nr = 9999)                                                                \
	X(it_waits_for_a_signal, s->threads[0].nr = 34)                                                                \
	X(it_is_in_a_driver, s->threads[0].nr = 16)                                                                    \
	X(it_accepts_connections, s->threads[0].nr = 43)                                                               \
	X(a_seccomp_supervisor_holds_it, s->threads[0].wchan = "seccomp_do_user_notification.isra.0")                  \
	X(it_faults_on_memory_of_a_userfaultfd, s->threads[0].wchan = "handle_userfault")                              \
	X(it_waits_for_a_sysv_semaphore, s->threads[0].nr = 65)

struct spoil {
	const char *name;
	void (*fn)(struct hd_snapshot *s);
};
#define X(name, what)                             \
	static void name(struct hd_snapshot *s)   \
	{                                         \
		(void)(what);                     \
	}
SPOILS(X)
#undef X
static const struct spoil spoils[] = {
#define X(name, what) {#name, name},
	SPOILS(X)
#undef X
};

Test(classify, whatever_is_open_or_unknown_gives_a_reason, .timeout = 10)
{
	for (size_t i = 0; i < HD_COUNTOF(spoils); i++) {
		TB_SNAPSHOT(s);
		closed_futex(s);
		spoils[i].fn(s);
		cr_expect_not_null(classify(s).outside, "%s", spoils[i].name);
		cr_expect_eq(hd_decide(s, s->arena)->kind, HD_VERDICT_NONE, "%s", spoils[i].name);
	}
}

Test(classify, signals_that_nobody_handles_or_that_are_blocked_do_not_matter, .timeout = 10)
{
	TB_SNAPSHOT(s);
	closed_futex(s);
	s->procs[0].timer_armed = HD_UNKNOWN;
	cr_expect_null(classify(s).outside, "no signal is caught");
	s->procs[0].sig_caught = UINT64_C(3) << 31;
	cr_expect_null(classify(s).outside, "32 and 33 are the C library's own");
	s->procs[0].sig_caught = 2;
	s->threads[0].sig_blocked = 2;
	cr_expect_null(classify(s).outside, "this thread blocks it");
	s->procs[0].sig_pending = 2;
	cr_expect_null(classify(s).outside, "pending but blocked");
	s->procs[0].timer_armed = HD_NO;
	s->procs[0].sig_caught = 1u << 13;
	s->threads[0].sig_blocked = s->procs[0].sig_pending = 0;
	cr_expect_null(classify(s).outside, "SIGALRM is caught, but no timer is armed");
}

Test(classify, time_limits_are_deadlines, .timeout = 10)
{
	TB_SNAPSHOT(s);
	closed_futex(s);
	s->threads[0].args[3] = 0x7000;
	cr_expect(classify(s).has_deadline);
	s->threads[0].args[3] = 0;
	s->threads[0].was_restart = true;
	cr_expect(classify(s).has_deadline, "only timed futex waits are restarted");
	s->threads[0].was_restart = false;
	s->threads[0].has_timeout = HD_YES;
	cr_expect(classify(s).has_deadline);
	uint32_t o = tb_object(s, HD_OBJ_PIPE, 1);
	tb_on(s, 0, TB_POLL, o)->was_restart = true;
	cr_expect_not(classify(s).has_deadline, "poll(-1) is restarted too");
	s->threads[0].args[2] = 1500;
	cr_expect(classify(s).has_deadline);
	cr_expect_eq(classify(s).timeout_ns, 1500 * HD_NS_PER_MS);
}

Test(classify, socket_limits_that_no_argument_shows_count, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	uint32_t o = tb_object(s, HD_OBJ_UNIX, 1);
	tb_on(s, 0, TB_READ, o);
	cr_expect_null(classify(s).outside);
	s->objects[o].has_recv_timeout = HD_UNKNOWN;
	cr_expect_not_null(classify(s).outside);
	s->objects[o].has_recv_timeout = HD_YES;
	cr_expect(classify(s).has_deadline);
	s->threads[0].nr = TB_WRITE;
	cr_expect_not(classify(s).has_deadline, "the limit is for receiving");
	s->objects[o].has_send_timeout = HD_YES;
	cr_expect(classify(s).has_deadline);
}

Test(classify, what_a_descriptor_is_decides_the_kind, .timeout = 10)
{
	const struct {
		enum hd_obj_kind object;
		enum hd_wait_kind kind;
	} cases[] = {{HD_OBJ_PIPE, HD_WAIT_PIPE},	{HD_OBJ_UNIX, HD_WAIT_SOCKET},	 {HD_OBJ_TCP, HD_WAIT_SOCKET},
		     {HD_OBJ_EVENTFD, HD_WAIT_EVENTFD}, {HD_OBJ_TTY, HD_WAIT_TTY},	 {HD_OBJ_TIMERFD, HD_WAIT_TIMER},
		     {HD_OBJ_DEVICE, HD_WAIT_DISK},	{HD_OBJ_SIGNALFD, HD_WAIT_SIGNAL}};
	for (size_t i = 0; i < HD_COUNTOF(cases); i++) {
		TB_SNAPSHOT(s);
		tb_lone(s, 10, 1);
		tb_on(s, 0, TB_READ, tb_object(s, cases[i].object, 1));
		cr_expect_eq(classify(s).kind, cases[i].kind, "object kind %d", cases[i].object);
	}
}

Test(classify, a_vfork_parent_sleeps_in_state_d_and_clone3_must_sleep_there, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_call(s, 0, TB_VFORK, 0, 0, 0, 0)->state = 'D';
	cr_expect_null(classify(s).outside);
	cr_expect_eq(classify(s).kind, HD_WAIT_VFORK);
	s->threads[0].nr = 435;
	cr_expect_not_null(classify(s).outside, "clone3 without a hint");
	s->threads[0].wchan = "kernel_clone.constprop.0";
	cr_expect_null(classify(s).outside);
	s->threads[0].wchan = "percpu_rwsem_wait";
	cr_expect_not_null(classify(s).outside);
}

Test(classify, the_awaited_child_is_read_from_the_arguments, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_wait4(s, 0, -1);
	cr_expect_eq(classify(s).child_pid, -1);
	tb_wait4(s, 0, 42);
	cr_expect_eq(classify(s).child_pid, 42);
	tb_call(s, 0, 247, 1, 43, 0, 4); /* waitid(P_PID, 43) */
	cr_expect_eq(classify(s).child_pid, 43);
	cr_expect_eq(classify(s).child_idtype, 1u);
	tb_call(s, 0, 247, 0, 43, 0, 4); /* waitid(P_ALL) */
	cr_expect_eq(classify(s).child_pid, -1);
}

Test(classify, priority_inheritance_needs_no_equal_word, .timeout = 10)
{
	TB_SNAPSHOT(s);
	closed_futex(s);
	s->threads[0].args[1] = 0x86;
	s->threads[0].args[2] = 0;
	s->threads[0].words[0].value = 0x8000000a;
	cr_expect_null(classify(s).outside);
}
