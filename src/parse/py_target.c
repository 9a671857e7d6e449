#include "parse/py_target.h"

#include <string.h>

/* Parking lot: the futex word is in a wait_entry on the waiter's own stack, right behind the address that it waits for
 * (Python/parking_lot.c).  Both kinds are tested; neither can be taken for the other. */
void hd_py_target_init(struct hd_python *py, uint64_t futex_addr, uint32_t budget, struct hd_py_target *ret)
{
	*ret = (struct hd_py_target){.sem = futex_addr, .budget = budget};
	if (!hd_py_u64(py, futex_addr - 8, &ret->byte))
		ret->byte = 0;
}

bool hd_py_is_buffered(struct hd_python *py, uint64_t object)
{
	char name[32];
	hd_py_type_name(py, object, name, sizeof(name));
	return strncmp(name, "_io.Buffered", strlen("_io.Buffered")) == 0;
}

/* Lock, RLock, SimpleQueue: the lock comes first in the object.  Buffered: Modules/_io/bufferedio.c. */
bool hd_py_target_is(struct hd_python *py, struct hd_py_target *t, uint64_t object)
{
	uint64_t own = object + (uint64_t)py->at.object, word;
	if (object == 0 || object % 8 != 0 || t->budget == 0)
		return false;
	t->budget--;
	if (t->object != 0)
		return object == t->object;
	if (t->byte != 0 && own == t->byte)
		return true;
	if (!hd_py_u64(py, own, &word))
		return false;
	if (word == t->sem)
		return true;
	return hd_py_u64(py, own + 88, &word) && word != 0 && (word == t->sem || word == t->byte) &&
	       hd_py_is_buffered(py, object);
}

/* ---- search ---- */

/* The first lock within `depth` steps below `object`: its path is appended to `path` (may be NULL), and *ret_parent is
 * the object that it is an attribute or item of. */
uint64_t hd_py_search_below(struct hd_python *py, struct hd_py_target *t, uint64_t object, unsigned depth,
			     struct hd_buf *path, uint64_t *ret_parent)
{
	struct hd_py_kids kids;
	size_t len = path != NULL ? path->len : 0;
	hd_py_kids_open(py, object, &kids);
	for (uint32_t i = 0; i < kids.n && t->budget > 0; i++) {
		uint64_t kid = hd_py_kid(py, &kids, i, NULL), found = 0;
		if (kid == 0 || kid == object)
			continue;
		if (depth > 1 && path != NULL)
			hd_py_kid(py, &kids, i, path);
		if (depth == 1 && hd_py_target_is(py, t, kid)) {
			*ret_parent = object;
			found = kid;
			if (path != NULL)
				hd_py_kid(py, &kids, i, path);
		} else if (depth > 1) {
			found = hd_py_search_below(py, t, kid, depth - 1, path, ret_parent);
		}
		if (found != 0)
			return found;
		if (path != NULL && path->len > len) {
			path->len = len;
			path->text[len] = '\0';
		}
	}
	return 0;
}

/* Nearest first. */
uint64_t hd_py_search(struct hd_python *py, struct hd_py_target *t, uint64_t object, unsigned depth_max, struct hd_buf *path,
		       uint64_t *ret_parent)
{
	*ret_parent = 0;
	if (hd_py_target_is(py, t, object))
		return object;
	for (unsigned depth = 1; depth <= depth_max; depth++) {
		uint64_t found = hd_py_search_below(py, t, object, depth, path, ret_parent);
		if (found != 0)
			return found;
	}
	return 0;
}

bool hd_py_file_ends(const struct hd_frame *frame, const char *base)
{
	return frame->file != NULL && strcmp(hd_path_base(frame->file), base) == 0;
}

/* "Condition.wait" from 3.11 on, "wait" before. */
bool hd_py_function_is(const struct hd_frame *frame, const char *class, const char *method)
{
	size_t len = strlen(class);
	if (frame->function == NULL)
		return false;
	return strcmp(frame->function, method) == 0 ||
	       (strncmp(frame->function, class, len) == 0 && frame->function[len] == '.' &&
		strcmp(frame->function + len + 1, method) == 0);
}

uint64_t hd_py_first_local(struct hd_python *py, const struct hd_frame *frame)
{
	struct hd_py_words words;
	return hd_py_words_open(py, frame, &words) && words.n_locals > 0 ? hd_py_local_value(py, &words, 0) : 0;
}

/* print() names no stream: the standard ones are looked at last.  The lock found there and the stream's name, or 0. */
uint64_t hd_py_stream_search(struct hd_python *py, struct hd_py_target *t, const char **ret_name)
{
	static const char *const streams[] = {"stdout", "stderr", "stdin"};
	struct hd_py_entries entries;
	uint64_t globals = hd_py_module_globals(py, hd_py_main_interp(py), "sys"), parent;
	if (globals == 0 || !hd_py_dict_open(py, globals, &entries))
		return 0;
	for (size_t i = 0; i < HD_COUNTOF(streams); i++) {
		uint64_t stream = hd_py_entry_find(py, &entries, streams[i]);
		uint64_t lock = stream != 0 ? hd_py_search(py, t, stream, 1, NULL, &parent) : 0;
		if (lock != 0) {
			*ret_name = streams[i];
			return lock;
		}
	}
	return 0;
}

/* co_names: address of the first and number. */
uint64_t hd_py_code_names(struct hd_python *py, uint64_t code, uint64_t *ret_n)
{
	uint64_t names;
	if (!hd_py_u64(py, code + (uint64_t)py->at.co_names, &names) || hd_py_type_of(py, names) != HD_PY_TUPLE ||
	    !hd_py_u64(py, names + (uint64_t)py->at.object, ret_n))
		return 0;
	*ret_n = *ret_n < HD_PY_KIDS_MAX ? *ret_n : HD_PY_KIDS_MAX;
	return names + (uint64_t)py->at.tuple_items;
}
