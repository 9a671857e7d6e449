#include "core/left.h"

#include <criterion/criterion.h>

#include "../lib/build.h"

static struct hd_frame message_frames[] = {
	{.kind = HD_FRAME_NATIVE, .function = "read"},
	{.kind = HD_FRAME_PYTHON, .function = "Connection._recv", .file = "/usr/lib/python3.11/multiprocessing/connection.py"},
	{.kind = HD_FRAME_PYTHON, .function = "Connection._recv_bytes", .file = "/usr/lib/python3.11/multiprocessing/connection.py"},
};

/* A reader that holds the only writing end itself, and asks for so many bytes. */
static struct hd_thread *reader(struct hd_snapshot *s, uint64_t bytes)
{
	uint32_t p = tb_proc(s, 4200, 1);
	uint32_t t = tb_thread(s, 4200), pipe = tb_object(s, HD_OBJ_PIPE, 7);
	tb_hold(s, pipe, p, true, true);
	struct hd_thread *th = tb_on(s, t, TB_READ, pipe);
	th->args[2] = bytes;
	th->stack = (struct hd_stack){.at = message_frames, .n = HD_COUNTOF(message_frames)};
	return th;
}

static uint32_t left_of(struct hd_snapshot *s, const char *clauses[HD_LEFT_MAX])
{
	return hd_left_behind(s, hd_decide(s, s->arena), s->arena, clauses);
}

Test(left, a_message_that_its_reader_has_half_of_is_told, .timeout = 10)
{
	const char *clauses[HD_LEFT_MAX];
	TB_SNAPSHOT(s);
	reader(s, 700);
	cr_assert_eq(left_of(s, clauses), 1);
	cr_expect_str_eq(clauses[0], "a message in object stayed unfinished: 4200 (prog) waits for its last 700 bytes");
}

Test(left, who_waits_for_the_next_message_or_for_something_else_was_left_nothing, .timeout = 10)
{
	const char *clauses[HD_LEFT_MAX];
	TB_SNAPSHOT(next);
	reader(next, 4);
	cr_expect_eq(left_of(next, clauses), 0);
	TB_SNAPSHOT(plain);
	reader(plain, 700)->stack.n = 1;
	cr_expect_eq(left_of(plain, clauses), 0);
	TB_SNAPSHOT(alive);
	reader(alive, 700);
	tb_thread(alive, 4201);
	cr_expect_eq(left_of(alive, clauses), 0, "another thread can write the rest");
}

static struct hd_lock *semlock(struct hd_snapshot *s, int32_t tid, enum hd_tri held_by_living)
{
	uint32_t t = tb_thread(s, tid);
	struct hd_thread *th = tb_futex(s, t, 0x7000);
	th->words[0].ino = 5;
	th->lock = (struct hd_lock){.kind = HD_LOCK_SEMAPHORE, .confidence = HD_CONF_HIGH, .base = 0x7000, .family = "cpython",
				    .api = "multiprocessing.SemLock.acquire", .is_held = true, .held_by_living = held_by_living};
	return &th->lock;
}

Test(left, a_lock_that_nobody_living_holds_is_told_once_and_its_holder_is_the_cause, .timeout = 10)
{
	const char *clauses[HD_LEFT_MAX];
	TB_SNAPSHOT(s);
	tb_proc(s, 4200, 1);
	semlock(s, 4200, HD_NO);
	semlock(s, 4201, HD_NO);
	cr_assert_eq(left_of(s, clauses), 1);
	cr_expect(strstr(clauses[0], "multiprocessing") != NULL && strstr(clauses[0], "stayed taken") != NULL, "%s", clauses[0]);
	cr_expect_eq(hd_decide(s, s->arena)->cause, HD_CAUSE_DEAD_HOLDER);
}

Test(left, a_lock_that_the_living_hold_or_nobody_knows_about_was_not_left, .timeout = 10)
{
	const char *clauses[HD_LEFT_MAX];
	static const enum hd_tri answers[] = {HD_YES, HD_UNKNOWN};
	for (size_t i = 0; i < HD_COUNTOF(answers); i++) {
		TB_SNAPSHOT(s);
		tb_proc(s, 4200, 1);
		semlock(s, 4200, answers[i]);
		cr_expect_eq(left_of(s, clauses), 0);
		cr_expect_neq(hd_decide(s, s->arena)->cause, HD_CAUSE_DEAD_HOLDER);
	}
}
