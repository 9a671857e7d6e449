#include "hangdog/spin.h"

#include <string.h>

#define SAMPLES_LEAST 5u
#define DEPTH 1024u      /* the loop and what it calls: how far the stack pointer moves */
#define STRANGER_SHARE 8u /* one sample in so many may be outside the waiting code */

bool hd_spin_code_waits(const uint8_t *code, size_t n)
{
	static const uint8_t yield[] = {0xb8, 24, 0, 0, 0, 0x0f, 0x05};
	for (size_t i = 0; i + 2 <= n; i++) {
		if (code[i] == 0xf3 && code[i + 1] == 0x90)
			return true;
		if (i + sizeof(yield) <= n && memcmp(code + i, yield, sizeof(yield)) == 0)
			return true;
	}
	return false;
}

/* Bytes of an immediate behind the address; -1 = no instruction that reads memory this way is known here. */
static int immediate_of(uint8_t opcode)
{
	switch (opcode) {
	case 0x8b: /* mov */
	case 0x8a:
	case 0x39: /* cmp */
	case 0x3b:
	case 0x3a:
	case 0x38:
	case 0x84: /* test */
	case 0x85:
		return 0;
	case 0x80: /* cmp with a byte */
	case 0x83:
		return 1;
	case 0x81:
		return 4;
	default:
		return -1;
	}
}

uint32_t hd_spin_code_words(const uint8_t *code, size_t n, uint64_t base, uint64_t ret[HD_SPIN_STATIC_MAX])
{
	uint32_t found = 0;
	for (size_t i = 0; i + 6 <= n && found < HD_SPIN_STATIC_MAX; i++) {
		int immediate = immediate_of(code[i]);
		int32_t distance;
		if (immediate < 0 || (code[i + 1] & 0xc7) != 0x05) /* mod 0, rm 5: relative to the next instruction */
			continue;
		memcpy(&distance, code + i + 2, sizeof(distance));
		ret[found++] = base + i + 6 + (unsigned)immediate + (uint64_t)(int64_t)distance;
	}
	return found;
}

static const struct hd_spin_word *word_find(const struct hd_spin_sample *sample, uint64_t addr)
{
	for (uint32_t i = 0; i < sample->n_words && i < HD_SPIN_WORDS_MAX; i++) {
		if (sample->words[i].addr == addr)
			return &sample->words[i];
	}
	return NULL;
}

static void begin(struct hd_spin *spin, const struct hd_spin_sample *sample, int64_t now_ns)
{
	*spin = (struct hd_spin){0};
	if (!sample->is_waiting)
		return;
	spin->since_ns = now_ns;
	spin->samples = 1;
	spin->low_sp = spin->high_sp = sample->sp;
	spin->n_words = sample->n_words <= HD_SPIN_WORDS_MAX ? sample->n_words : HD_SPIN_WORDS_MAX;
	memcpy(spin->words, sample->words, spin->n_words * sizeof(*spin->words));
}

/* false: some memory changed, or nothing is left that both looked at. */
static bool keep_words(struct hd_spin *spin, const struct hd_spin_sample *sample)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < spin->n_words; i++) {
		const struct hd_spin_word *now = word_find(sample, spin->words[i].addr);
		if (now == NULL)
			continue;
		if (now->digest != spin->words[i].digest)
			return false;
		spin->words[kept++] = spin->words[i];
	}
	spin->n_words = kept;
	return kept > 0;
}

void hd_spin_add(struct hd_spin *spin, const struct hd_spin_sample *sample, int64_t now_ns)
{
	uint64_t low = sample->sp < spin->low_sp ? sample->sp : spin->low_sp;
	uint64_t high = sample->sp > spin->high_sp ? sample->sp : spin->high_sp;
	if (spin->samples == 0 || high - low > DEPTH || (sample->is_waiting && !keep_words(spin, sample))) {
		begin(spin, sample, now_ns);
		return;
	}
	spin->low_sp = low;
	spin->high_sp = high;
	spin->samples++;
	spin->strangers += !sample->is_waiting;
	if (spin->strangers > 1 && spin->strangers * STRANGER_SHARE > spin->samples)
		*spin = (struct hd_spin){0};
}

bool hd_spin_gets_nowhere(const struct hd_spin *spin, int64_t now_ns, int64_t least_ns)
{
	return spin->samples >= SAMPLES_LEAST && spin->strangers * STRANGER_SHARE <= spin->samples && spin->n_words > 0 &&
	       now_ns - spin->since_ns >= least_ns;
}
