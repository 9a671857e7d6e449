#include "hangdog/spin.h"

#include <criterion/criterion.h>
#include <string.h>

#define LOCK 0x7000u
#define S (INT64_C(1) * HD_NS_PER_S)

static struct hd_spin_sample sample(bool is_waiting, uint64_t sp, uint32_t value)
{
	struct hd_spin_sample ret = {.pc = 0x401000, .sp = sp, .is_waiting = is_waiting, .n_words = is_waiting};
	ret.words[0] = (struct hd_spin_word){.addr = LOCK, .value = value, .digest = value};
	return ret;
}

static void add(struct hd_spin *spin, struct hd_spin_sample s, int64_t now_ns)
{
	hd_spin_add(spin, &s, now_ns);
}

Test(spin, the_same_waiting_loop_over_the_same_word_gets_nowhere, .timeout = 10)
{
	struct hd_spin spin = {0};
	for (int i = 0; i < 5; i++) {
		cr_expect_not(hd_spin_gets_nowhere(&spin, i * S, S), "%d samples are too few", i);
		add(&spin, sample(true, 0x9000 + 8 * (uint64_t)(i % 2), 1), i * S);
	}
	cr_expect(hd_spin_gets_nowhere(&spin, 4 * S, 4 * S));
	cr_expect_not(hd_spin_gets_nowhere(&spin, 4 * S, 5 * S), "it has not gone on for long enough");
	cr_expect_eq(spin.words[0].addr, LOCK);
}

Test(spin, a_word_that_changes_or_another_depth_begins_anew, .timeout = 10)
{
	struct hd_spin spin = {0};
	for (int i = 0; i < 8; i++)
		add(&spin, sample(true, 0x9000, 1), i * S);
	struct hd_spin deeper = spin;
	add(&spin, sample(true, 0x9000, 2), 8 * S);
	cr_expect_eq(spin.samples, 1);
	cr_expect_eq(spin.since_ns, 8 * S);
	add(&deeper, sample(true, 0x5000, 1), 8 * S);
	cr_expect_eq(deeper.samples, 1);
}

Test(spin, a_loop_that_computes_is_never_taken_for_one_that_waits, .timeout = 10)
{
	struct hd_spin spin = {0};
	for (int i = 0; i < 100; i++) {
		add(&spin, sample(i % 4 == 0, 0x9000, 1), i * S); /* it yields now and then */
		cr_expect_not(hd_spin_gets_nowhere(&spin, i * S, S));
	}
	struct hd_spin mixed = {0};
	for (int i = 0; i < 40; i++)
		add(&mixed, sample(i % 10 != 9, 0x9000, 1), i * S); /* between two yields it is met outside of them */
	cr_expect(hd_spin_gets_nowhere(&mixed, 40 * S, S));
}

Test(spin, without_a_word_that_it_looks_at_nothing_is_said, .timeout = 10)
{
	struct hd_spin spin = {0};
	for (int i = 0; i < 20; i++) {
		struct hd_spin_sample s = sample(true, 0x9000, 1);
		s.n_words = 0;
		hd_spin_add(&spin, &s, i * S);
	}
	cr_expect_not(hd_spin_gets_nowhere(&spin, 20 * S, S));
}

Test(spin, waiting_code_is_known_by_pause_and_by_sched_yield, .timeout = 10)
{
	/* glibc pthread_spin_lock: rep nop; cmpl $0,(%rdi); jg */
	static const uint8_t lock[] = {0xf0, 0xff, 0x0f, 0x75, 0x0b, 0xf3, 0x90, 0x83, 0x3f, 0x00, 0x7f, 0xf4};
	/* glibc sched_yield: mov $24,%eax; syscall */
	static const uint8_t yield[] = {0xf3, 0x0f, 0x1e, 0xfa, 0xb8, 0x18, 0, 0, 0, 0x0f, 0x05, 0x48};
	/* imul; add; xor */
	static const uint8_t compute[] = {0x48, 0x0f, 0xaf, 0xc2, 0x48, 0x01, 0xc8, 0x48, 0x31, 0xd0, 0xeb, 0xf2};
	cr_expect(hd_spin_code_waits(lock, sizeof(lock)));
	cr_expect(hd_spin_code_waits(yield, sizeof(yield)));
	cr_expect_not(hd_spin_code_waits(compute, sizeof(compute)));
	cr_expect_not(hd_spin_code_waits(yield, 5), "cut off");
	cr_expect_not(hd_spin_code_waits(compute, 0));
}

Test(spin, fixed_addresses_that_the_loop_reads_are_found, .timeout = 10)
{
	/* pause; mov 0x100(%rip),%eax; cmpl $0,0x200(%rip) */
	static const uint8_t code[] = {0xf3, 0x90, 0x8b, 0x05, 0, 1, 0, 0, 0x83, 0x3d, 0, 2, 0, 0, 0};
	uint64_t words[HD_SPIN_STATIC_MAX];
	uint32_t n = hd_spin_code_words(code, sizeof(code), 0x400000, words);
	bool mov = false, cmp = false;
	for (uint32_t i = 0; i < n; i++) {
		mov |= words[i] == 0x400008 + 0x100;
		cmp |= words[i] == 0x40000f + 0x200;
	}
	cr_expect(mov && cmp);
	cr_expect_eq(hd_spin_code_words(code, 5, 0x400000, words), 0);
}
