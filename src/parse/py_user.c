/* Who probably holds a lock that was taken by acquire(), which leaves no trace. */
#include <string.h>

#include "parse/py_target.h"

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

/* A function that calls acquire() and names this lock.  The module's own code names whatever it makes. */
static bool frame_uses(struct hd_python *py, struct hd_py_target *t, const struct hd_frame *frame)
{
	struct hd_py_words words;
	struct hd_py_entries globals = {0};
	uint64_t dict, n = 0, name;
	bool acquires = false, leads = false;
	if (frame->function == NULL || strcmp(frame->function, "<module>") == 0 || !hd_py_words_open(py, frame, &words))
		return false;
	if (hd_py_u64(py, words.frame + (uint64_t)py->at.fr_globals, &dict) && hd_py_type_of(py, dict) == HD_PY_DICT &&
	    !hd_py_dict_open(py, dict, &globals))
		globals.n = 0;
	for (uint32_t i = 0; i < words.n_locals && !leads; i++)
		leads = hd_py_target_is(py, t, hd_py_local_value(py, &words, i));
	uint64_t names = hd_py_code_names(py, words.code, &n);
	for (uint64_t i = 0; names != 0 && i < n; i++) {
		if (!hd_py_u64(py, names + 8 * i, &name))
			continue;
		acquires |= hd_py_str_is(py, name, "acquire");
		leads = leads || name_leads_there(py, t, &words, &globals, name);
	}
	return acquires && leads;
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
			uses = frame_uses(py, &t, &threads->at[i].stack.at[f]);
		if (uses && user >= 0)
			return -1; /* one of several: nobody in particular */
		if (uses)
			user = (int)i;
	}
	return user;
}
