#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/wait.h"

static const uint64_t none[HD_ARGS];

static struct hd_call decode(int64_t nr, const uint64_t args[HD_ARGS])
{
	return hd_call_decode(HD_ABI_X86_64, nr, args, false);
}

/* The kernel's own list, as this system's headers have it: a call that the table does not name fails here. */
static void compare_with_header(enum hd_abi abi, const char *header)
{
	char line[256], name[128], command[128];
	snprintf(command, sizeof(command), "echo '#include <asm/%s>' | cc -E -dM -", header);
	FILE *f = popen(command, "r");
	cr_assert_not_null(f);
	int nr, seen = 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "#define __NR_%127s %d", name, &nr) != 2)
			continue;
		struct hd_call call = hd_call_decode(abi, nr, none, false);
		cr_expect_str_eq(call.name, name, "system call %d is %s for the kernel and %s in the table", nr, name, call.name);
		seen++;
	}
	cr_assert_eq(pclose(f), 0);
	cr_assert_gt(seen, 300, "the header was not read");
}

Test(syscalls, every_call_of_the_kernel_header_is_named, .timeout = 60)
{
	compare_with_header(HD_ABI_X86_64, "unistd_64.h");
	compare_with_header(HD_ABI_I386, "unistd_32.h");
}

Test(syscalls, a_32_bit_call_waits_as_the_64_bit_call_of_its_name, .timeout = 10)
{
	static const struct {
		int64_t nr;
		const char *name;
		int64_t same_as;
		enum hd_need need;
	} rows[] = {{3, "read", 0, HD_NEED_FD_READ},	     {7, "waitpid", 61, HD_NEED_CHILDREN},
		    {142, "_newselect", 23, HD_NEED_POLLSET}, {168, "poll", 7, HD_NEED_POLLSET},
		    {240, "futex", 202, HD_NEED_FUTEX},	     {422, "futex_time64", 202, HD_NEED_FUTEX},
		    {256, "epoll_wait", 232, HD_NEED_EPOLL},  {102, "socketcall", -1, HD_NEED_NOTHING},
		    {82, "select", -1, HD_NEED_NOTHING},      {0, "restart_syscall", 219, HD_NEED_TIME}};
	for (size_t i = 0; i < HD_COUNTOF(rows); i++) {
		struct hd_call call = hd_call_decode(HD_ABI_I386, rows[i].nr, none, false);
		cr_expect_str_eq(call.name, rows[i].name);
		cr_expect_eq(call.nr, rows[i].same_as, "%s", call.name);
		cr_expect_eq(call.need, rows[i].need, "%s", call.name);
		cr_expect(call.need != HD_NEED_NOTHING || call.outside != NULL, "%s", call.name);
	}
	uint64_t lock[HD_ARGS] = {3, 14}, wait[HD_ARGS] = {0x5000, 0x80, 2, 0}, timed[HD_ARGS] = {0x5000, 0x80, 2, 0x6000};
	cr_expect_eq(hd_call_decode(HD_ABI_I386, 221, lock, false).need, HD_NEED_FILELOCK, "F_SETLKW64");
	cr_expect_eq(decode(72, lock).need, HD_NEED_NOTHING, "14 is no command of 64-bit programs");
	struct hd_call futex = hd_call_decode(HD_ABI_I386, 422, wait, false);
	cr_expect(futex.is_unbounded && futex.futex_private && futex.futex_addr == 0x5000 && futex.futex_expected == 2);
	cr_expect_not(hd_call_decode(HD_ABI_I386, 240, timed, false).is_unbounded);
}

/* x32 numbers have bit 30 (arch/x86/include/uapi/asm/unistd.h): no program that hangdog judges. */
Test(syscalls, calls_of_x32_can_always_be_ended_from_outside, .timeout = 10)
{
	struct hd_call call = decode(0x40000000 | 202, none);
	cr_expect_str_eq(call.name, "?");
	cr_expect(call.need == HD_NEED_NOTHING && call.outside != NULL);
}

Test(syscalls, calls_newer_than_the_header_are_named, .timeout = 10)
{
	cr_expect_str_eq(decode(449, none).name, "futex_waitv");
	cr_expect_str_eq(decode(455, none).name, "futex_wait");
	cr_expect_str_eq(decode(470, none).name, "listns");
}

Test(syscalls, an_unknown_number_or_abi_can_always_be_ended_from_outside, .timeout = 10)
{
	struct hd_call calls[] = {decode(9999, none), decode(-1, none), decode(INT64_MIN, none), decode(INT64_MAX, none), decode(337, none),
				  hd_call_decode(HD_ABI_I386, 9999, none, false), hd_call_decode(HD_ABI_UNKNOWN, 202, none, false),
				  hd_call_decode(HD_ABI_AARCH64, 98, none, false)};
	for (size_t i = 0; i < HD_COUNTOF(calls); i++) {
		cr_expect_str_eq(calls[i].name, "?");
		cr_expect_eq(calls[i].need, HD_NEED_NOTHING);
		cr_expect_not_null(calls[i].outside);
	}
}

Test(syscalls, a_call_that_needs_nothing_and_has_no_limit_gives_a_reason, .timeout = 10)
{
	for (int64_t nr = 0; nr < 1200; nr++) {
		struct hd_call call = hd_call_decode(nr % 2 == 0 ? HD_ABI_X86_64 : HD_ABI_I386, nr / 2, none, false);
		cr_expect(call.outside != NULL || !call.is_unbounded || call.need != HD_NEED_NOTHING, "%s", call.name);
	}
}

Test(syscalls, futex_commands_are_told_apart, .timeout = 10)
{
	const struct {
		uint32_t op;
		bool waits, is_private, compares, pi;
	} cases[] = {
		{0x80, true, true, true, false},   {0x00, true, false, true, false}, {0x189, true, true, true, false},
		{0x109, true, false, true, false}, {0x86, true, true, false, true},  {0x06, true, false, false, true},
		{0x8d, true, true, false, true},   {0x81, false, true, false, false}, {0x8b, true, true, true, false},
		{0x0b, false, false, true, false},
	};
	for (size_t i = 0; i < HD_COUNTOF(cases); i++) {
		/* Upper halves are garbage in real registers. */
		uint64_t args[HD_ARGS] = {0x7000, 0xdead00000000 | cases[i].op, 0xffffffff00000002, 0};
		struct hd_call call = decode(202, args);
		cr_expect_eq(call.need == HD_NEED_FUTEX, cases[i].waits, "op %x", cases[i].op);
		cr_expect_eq(call.futex_private, cases[i].is_private, "op %x", cases[i].op);
		cr_expect_eq(call.futex_compares, cases[i].compares, "op %x", cases[i].op);
		cr_expect_eq(call.futex_pi, cases[i].pi, "op %x", cases[i].op);
		cr_expect_eq(call.futex_expected, 2u);
		cr_expect(call.is_unbounded);
	}
	uint64_t timed[HD_ARGS] = {0x7000, 0x80, 2, 0x7fff0000};
	cr_expect(!decode(202, timed).is_unbounded);
	uint64_t wait2[HD_ARGS] = {0x7000, 7, UINT64_MAX, 0x82, 0};
	struct hd_call call = decode(455, wait2);
	cr_expect(call.is_unbounded && call.futex_private && call.futex_expected == 7);
	wait2[4] = 0x7fff0000;
	cr_expect(!decode(455, wait2).is_unbounded);
}

Test(syscalls, time_limits_in_the_arguments_are_seen, .timeout = 10)
{
	uint64_t poll[HD_ARGS] = {0x7000, 1, 0xffffffff};
	cr_expect(decode(7, poll).is_unbounded);
	cr_expect(hd_call_decode(HD_ABI_X86_64, 7, poll, true).is_unbounded, "poll(-1) is restarted without a limit");
	poll[2] = 5000;
	cr_expect(!decode(7, poll).is_unbounded && decode(7, poll).timeout_ms == 5000);
	uint64_t epoll[HD_ARGS] = {3, 0x7000, 8, UINT64_MAX};
	cr_expect(decode(232, epoll).is_unbounded);
	epoll[3] = 0;
	cr_expect(!decode(232, epoll).is_unbounded);
	uint64_t select[HD_ARGS] = {4, 0x7000, 0, 0, 0};
	cr_expect(decode(23, select).is_unbounded);
	select[4] = 0x7000;
	cr_expect(!decode(23, select).is_unbounded);
	cr_expect(!decode(35, none).is_unbounded, "a sleep");
	cr_expect(!decode(219, none).is_unbounded, "a restarted call that was not resolved");
	cr_expect(!hd_call_decode(HD_ABI_X86_64, 202, none, true).is_unbounded, "a restarted futex wait had a limit");
}

Test(syscalls, clone_and_fcntl_wait_only_with_the_right_arguments, .timeout = 10)
{
	uint64_t vfork[HD_ARGS] = {0x4111}, fork[HD_ARGS] = {0x1200011}, setlkw[HD_ARGS] = {3, 7}, getfl[HD_ARGS] = {3, 3};
	cr_expect_eq(decode(56, vfork).need, HD_NEED_VFORK);
	cr_expect_eq(decode(56, fork).need, HD_NEED_NOTHING);
	cr_expect_eq(decode(58, none).need, HD_NEED_VFORK);
	cr_expect_eq(decode(72, setlkw).need, HD_NEED_FILELOCK);
	cr_expect_eq(decode(72, getfl).need, HD_NEED_NOTHING);
}
