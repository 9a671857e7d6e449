/* Threads that wake up now and then and go back to the very same wait: counted and told, and never taken for still. */
/* covers: repeat.c */
#include <criterion/criterion.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "../lib/scene.h"

static uint32_t words[4096];

static void wait_a_moment(uint32_t *word)
{
	struct timespec limit = {.tv_nsec = 4000000};
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0);
}

static void wait_at_one_word(void)
{
	for (;;)
		wait_a_moment(&words[7]);
}

static void wait_at_ever_new_words(void)
{
	for (unsigned i = 0;; i = (i + 1) % HD_COUNTOF(words))
		wait_a_moment(&words[i]);
}

/* Looks and samples so often: not each sample meets it asleep. */
static const struct hd_thread *sampled(struct scene *s, uint64_t phase, int times)
{
	struct hd_look look;
	wait_for(s, 1, 1, 0);
	for (int i = 0; i < times; i++) {
		nap();
		cr_assert_eq(hd_watcher_look(s->watcher, s->model, &look), 0);
		hd_watcher_sample(s->watcher, phase);
	}
	gather(s);
	return &s->snap->threads[0];
}

Test(shell_repeat, who_goes_back_to_the_same_wait_is_told_with_what_it_waits_for, .timeout = 60)
{
	struct scene s = open_scene(wait_at_one_word);
	const struct hd_thread *t = sampled(&s, 1, 50);
	for (int i = 0; i < 200 && t->repeat_ns == 0; i++)
		t = sampled(&s, 1, 1);
	cr_assert_gt(t->repeat_ns, 0);
	cr_expect_gt(t->repeats, 0);
	cr_expect_not(t->is_still);
	cr_expect(t->call_known && t->nr == SYS_futex && t->n_words == 1);
	cr_expect_eq(t->words[0].addr, (uint64_t)(uintptr_t)&words[7]);
	cr_expect(t->words[0].value_known && t->words[0].value == 0);
	cr_expect_eq(t->has_timeout, HD_YES);
	cr_expect_eq(t->timeout_ns, 4000000);
	cr_expect_gt(t->busy_of_ns, 0);
	cr_expect_eq(decide(&s)->kind, HD_VERDICT_NONE, "evidence for a stall, never for a proof");
	close_scene(&s);
}

Test(shell_repeat, a_new_phase_begins_anew, .timeout = 60)
{
	struct scene s = open_scene(wait_at_one_word);
	const struct hd_thread *t = sampled(&s, 1, 50);
	for (int i = 0; i < 200 && t->repeat_ns == 0; i++)
		t = sampled(&s, 1, 1);
	cr_assert_gt(t->repeat_ns, 0);
	t = sampled(&s, 2, 2);
	cr_expect_eq(t->repeat_ns, 0, "two samples are too few");
	close_scene(&s);
}

Test(shell_repeat, who_waits_for_something_else_each_time_does_not_repeat_itself, .timeout = 60)
{
	struct scene s = open_scene(wait_at_ever_new_words);
	const struct hd_thread *t = sampled(&s, 1, 100);
	cr_expect_eq(t->repeat_ns, 0);
	cr_expect_eq(t->repeats, 0);
	cr_expect_gt(t->busy_of_ns, 0);
	close_scene(&s);
}
