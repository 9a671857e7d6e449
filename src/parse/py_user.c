/* Who probably holds a lock that was taken by acquire(), which leaves no trace. */
#include <string.h>

#include "parse/py_ops.h"
#include "parse/py_target.h"

#define CODE_MAX 65536u /* bytes of a function that are looked at */

/* Does the name that this code uses lead to the lock: as a global, or as an attribute of a local variable? */
static bool name_leads_there(struct hd_python *py, struct hd_py_target *t, const struct hd_py_words *words,
			     const struct hd_py_entries *globals, uint64_t name)
{
	HD_CLEAN_PTR char *text = hd_py_str(py, name);
	if (text == NULL)
		return false;
	uint64_t value = hd_py_entry_find(py, globals, text);
	if (value != 0 && hd_py_target_is(py, t, value))
		return true;
	for (uint32_t i = 0; i < words->n_locals && t->budget > 0; i++) {
		uint64_t local = hd_py_local_value(py, words, i);
		value = local != 0 ? hd_py_attr(py, local, text) : 0;
		if (value != 0 && hd_py_target_is(py, t, value))
			return true;
	}
	return false;
}

static uint32_t name_index(struct hd_python *py, const struct hd_py_words *words, const char *text)
{
	uint64_t n = 0, name, names = hd_py_code_names(py, words->code, &n);
	for (uint64_t i = 0; names != 0 && i < n; i++) {
		if (hd_py_u64(py, names + 8 * i, &name) && hd_py_str_is(py, name, text))
			return (uint32_t)i;
	}
	return UINT32_MAX;
}

/* Up to 3.10 the code is an object of its own. */
static bool code_start(struct hd_python *py, const struct hd_py_place *place, uint64_t *ret)
{
	uint64_t bytes;
	if (py->at.co_code == HD_PY_NONE) {
		*ret = place->instr - (uint64_t)place->lasti;
		return true;
	}
	if (!hd_py_u64(py, place->code + (uint64_t)py->at.co_code, &bytes) || hd_py_type_of(py, bytes) != HD_PY_BYTES)
		return false;
	*ret = bytes + (uint64_t)py->at.bytes_data;
	return true;
}

static bool acquires_read(struct hd_python *py, const struct hd_frame *frame, const struct hd_py_words *words,
			  const struct hd_py_receiver_test *test, struct hd_py_acquires *ret)
{
	struct hd_py_place place;
	uint64_t start;
	uint32_t acquire = name_index(py, words, "acquire"), release = name_index(py, words, "release");
	if ((acquire == UINT32_MAX && release == UINT32_MAX) || !hd_py_place_read(py, frame->cfa, &place) || place.lasti <= 0 ||
	    place.lasti > CODE_MAX || !code_start(py, &place, &start))
		return false;
	HD_CLEAN_PTR uint8_t *code = malloc((size_t)place.lasti);
	if (code == NULL || !hd_py_read(py, start, code, (size_t)place.lasti))
		return false;
	*ret = hd_py_acquires_count(py->at.minor, code, (size_t)place.lasti, acquire, release, test);
	return true;
}

static void globals_open(struct hd_python *py, const struct hd_py_words *words, struct hd_py_entries *ret)
{
	uint64_t dict;
	*ret = (struct hd_py_entries){0};
	if (hd_py_u64(py, words->frame + (uint64_t)py->at.fr_globals, &dict) && hd_py_type_of(py, dict) == HD_PY_DICT &&
	    !hd_py_dict_open(py, dict, ret))
		ret->n = 0;
}

static bool frame_names(struct hd_python *py, struct hd_py_target *t, const struct hd_py_words *words)
{
	struct hd_py_entries globals;
	uint64_t n = 0, name;
	bool leads = false;
	globals_open(py, words, &globals);
	for (uint32_t i = 0; i < words->n_locals && !leads; i++)
		leads = hd_py_target_is(py, t, hd_py_local_value(py, words, i));
	uint64_t names = hd_py_code_names(py, words->code, &n);
	for (uint64_t i = 0; names != 0 && i < n && !leads; i++)
		leads = hd_py_u64(py, names + 8 * i, &name) && name_leads_there(py, t, words, &globals, name);
	return leads;
}

struct receivers {
	struct hd_python *py;
	struct hd_py_target *t;
	const struct hd_py_words *words;
};

static bool receiver_is_it(void *ctx, struct hd_py_receiver receiver)
{
	const struct receivers *r = ctx;
	struct hd_py_entries globals;
	uint64_t n = 0, name, names;
	switch (receiver.kind) {
	case HD_PY_RECEIVER_LOCAL:
		return receiver.index < r->words->n_locals &&
		       hd_py_target_is(r->py, r->t, hd_py_local_value(r->py, r->words, receiver.index));
	case HD_PY_RECEIVER_NAME:
		names = hd_py_code_names(r->py, r->words->code, &n);
		globals_open(r->py, r->words, &globals);
		return receiver.index < n && names != 0 && hd_py_u64(r->py, names + 8 * (uint64_t)receiver.index, &name) &&
		       name_leads_there(r->py, r->t, r->words, &globals, name);
	default:
		return frame_names(r->py, r->t, r->words);
	}
}

/* The calls of acquire() and release() on this lock, up to where the frame stands. */
static bool acquires_of(struct hd_python *py, struct hd_py_target *t, const struct hd_frame *frame, struct hd_py_acquires *ret)
{
	struct hd_py_words words;
	struct receivers receivers = {py, t, &words};
	struct hd_py_receiver_test test = {receiver_is_it, &receivers};
	return hd_py_words_open(py, frame, &words) && acquires_read(py, frame, &words, &test, ret);
}

/* A function that stands behind an acquire() of the lock that no release() follows.  The call that an innermost frame is
 * still waiting in does not count; the module's own code names whatever it makes, and what Condition.wait takes is there to
 * be waited for. */
static bool frame_uses(struct hd_python *py, struct hd_py_target *t, const struct hd_frame *frame, bool is_innermost)
{
	struct hd_py_acquires found;
	return frame->function != NULL && strcmp(frame->function, "<module>") != 0 && !hd_py_is_condition_wait(frame) &&
	       acquires_of(py, t, frame, &found) && found.open > (is_innermost && found.is_in_progress ? 1u : 0u);
}

bool hd_py_gave_back(struct hd_python *py, struct hd_py_target *t, const struct hd_frame *frame, uint32_t inner)
{
	struct hd_py_acquires found;
	return acquires_of(py, t, frame, &found) && found.gave_back && found.withs_since <= inner;
}

int hd_python_lock_user(struct hd_python *py, struct hd_mem *mem, uint64_t futex_addr, const struct hd_py_threads *threads)
{
	struct hd_py_target t;
	int user = -1;
	hd_py_begin(py, mem, NULL);
	hd_py_target_init(py, futex_addr, HD_PY_HOLDER_BUDGET, &t);
	for (uint32_t i = 0; i < threads->n; i++) {
		bool uses = false;
		for (uint32_t f = 0; f < threads->at[i].stack.n && !uses; f++)
			uses = frame_uses(py, &t, &threads->at[i].stack.at[f], f == 0);
		if (uses && user >= 0)
			return -1; /* one of several: nobody in particular */
		if (uses)
			user = (int)i;
	}
	return user;
}
