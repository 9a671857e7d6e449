#include "stack/keys.h"

#include <string.h>

#include "stack/search.h"

enum { BITS = 11, DIGITS = 1 << BITS, STEP = 8192 };

/* Radix sort by value, as many passes as the largest value has digits: a comparison sort of a big library's symbols takes
 * longer than everything else that is done with it. */
struct hd_keys_sorting {
	struct hd_key *spare;
	unsigned shift;
	bool is_counted;
	size_t done; /* of the half pass that runs */
	uint32_t at[DIGITS];
};

void hd_keys_reserve(struct hd_keys *keys, size_t n)
{
	if (n <= keys->cap)
		return;
	keys->cap = n;
	keys->at = realloc(keys->at, n * sizeof(*keys->at));
	if (keys->at == NULL)
		abort();
}

void hd_keys_push(struct hd_keys *keys, uint32_t value, uint32_t id)
{
	if (keys->n == keys->cap)
		hd_keys_reserve(keys, keys->cap != 0 ? keys->cap * 2 : 64);
	keys->is_unsorted |= keys->n > 0 && keys->at[keys->n - 1].value > value;
	keys->largest = value > keys->largest ? value : keys->largest;
	keys->at[keys->n++] = (struct hd_key){value, id};
}

static struct hd_keys_sorting *sorting_new(size_t n)
{
	struct hd_keys_sorting *s = calloc(1, sizeof(*s));
	if (s == NULL || (s->spare = malloc(n * sizeof(*s->spare))) == NULL)
		abort();
	return s;
}

static void sorting_free(struct hd_keys_sorting *s)
{
	if (s == NULL)
		return;
	free(s->spare);
	free(s);
}

static void digits_begin(struct hd_keys_sorting *s)
{
	uint32_t sum = 0;
	for (size_t d = 0; d < DIGITS; d++) {
		uint32_t count = s->at[d];
		s->at[d] = sum;
		sum += count;
	}
	s->is_counted = true;
	s->done = 0;
}

static void pass_end(struct hd_keys *keys, struct hd_keys_sorting *s)
{
	struct hd_key *swap = keys->at;
	keys->at = s->spare;
	s->spare = swap;
	keys->cap = keys->n;
	s->shift += BITS;
	s->is_counted = false;
	s->done = 0;
	memset(s->at, 0, sizeof(s->at));
}

/* Some keys further: a pass counts its digits, then moves the keys. */
static void sort_step(struct hd_keys *keys, struct hd_keys_sorting *s)
{
	size_t end = keys->n - s->done < STEP ? keys->n : s->done + STEP;
	for (; s->done < end; s->done++) {
		uint32_t digit = keys->at[s->done].value >> s->shift & (DIGITS - 1);
		if (s->is_counted)
			s->spare[s->at[digit]++] = keys->at[s->done];
		else
			s->at[digit]++;
	}
	if (s->done < keys->n)
		return;
	if (s->is_counted)
		pass_end(keys, s);
	else
		digits_begin(s);
}

bool hd_keys_sort(struct hd_keys *keys, struct hd_work *work)
{
	if (!keys->is_unsorted)
		return true;
	if (keys->sorting == NULL)
		keys->sorting = sorting_new(keys->n);
	struct hd_keys_sorting *s = keys->sorting;
	while (s->shift < 32 && keys->largest >> s->shift != 0) {
		if (!hd_work_take(work, STEP))
			return false;
		sort_step(keys, s);
	}
	sorting_free(s);
	keys->sorting = NULL;
	keys->is_unsorted = false;
	return true;
}

struct question {
	const struct hd_keys *keys;
	uint32_t value;
};

static bool is_until(const void *ctx, size_t i)
{
	const struct question *q = ctx;
	return q->keys->at[i].value <= q->value;
}

size_t hd_keys_until(const struct hd_keys *keys, uint32_t value)
{
	struct question question = {keys, value};
	return hd_search(keys->n, is_until, &question);
}

const struct hd_key *hd_keys_last(const struct hd_keys *keys, uint32_t value)
{
	size_t n = hd_keys_until(keys, value);
	return n > 0 && keys->at[n - 1].value == value ? &keys->at[n - 1] : NULL;
}

void hd_keys_release(struct hd_keys *keys)
{
	sorting_free(keys->sorting);
	free(keys->at);
	*keys = (struct hd_keys){0};
}
