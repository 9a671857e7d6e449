/* What a program calls the lock that a thread waits for: from the waiter's variables (reference: cpython.md section 9.1). */
#include <string.h>

#include "parse/py_target.h"

#define DEEP_FRAMES_MAX 6u /* for what lies deeper: three steps from a variable that the code uses */
#define DEEP_MAX 3u
#define DEEP_BUDGET 8000u
#define WAITER_FRAMES_MAX 12u /* innermost frames whose variables are searched for a name */

static const char *name_finish(struct hd_python *py, struct hd_buf *path, uint64_t parent, const struct hd_frame *frame,
			       struct hd_arena *arena)
{
	char type[64] = "";
	enum hd_py_type kind = parent != 0 ? hd_py_type_of(py, parent) : HD_PY_LIST;
	uint64_t flags = kind == HD_PY_OTHER ? hd_py_type_flags(py, hd_py_type_addr(py, parent)) : 0;
	if (kind == HD_PY_OTHER && (flags & (HD_PY_FLAG_DICT | HD_PY_FLAG_LIST | HD_PY_FLAG_TUPLE | HD_PY_FLAG_TYPE)) == 0)
		hd_py_type_name(py, parent, type, sizeof(type));
	if (type[0] != '\0') {
		hd_buf_str(path, " of ");
		hd_buf_safe(path, type);
	}
	if (frame != NULL && frame->file != NULL) {
		hd_buf_str(path, " (in ");
		hd_buf_safe(path, hd_path_base(frame->file));
		hd_buf_char(path, ')');
	}
	return hd_arena_str(arena, hd_buf_text(path));
}

/* A name for the lock, if this variable leads to it in `depth` steps; else NULL. */
static const char *name_from(struct hd_python *py, struct hd_py_target *t, uint64_t variable, uint64_t value, unsigned depth,
			     const struct hd_frame *frame, struct hd_arena *arena)
{
	HD_CLEAN_BUF struct hd_buf path = {0};
	HD_CLEAN_PTR char *text = NULL;
	uint64_t parent = 0;
	if (depth == 0 ? !hd_py_target_is(py, t, value) : hd_py_search_below(py, t, value, depth, NULL, &parent) == 0)
		return NULL;
	text = hd_py_str(py, variable);
	hd_buf_safe(&path, text != NULL ? text : "?");
	if (depth > 0)
		hd_py_search_below(py, t, value, depth, &path, &parent);
	return name_finish(py, &path, parent, frame, arena);
}

static const char *name_in_locals(struct hd_python *py, struct hd_py_target *t, const struct hd_py_words *words,
				  unsigned depth, const struct hd_frame *frame, struct hd_arena *arena)
{
	const char *name = NULL;
	for (uint32_t i = 0; i < words->n_locals && name == NULL; i++) {
		uint64_t value = hd_py_local_value(py, words, i);
		if (value != 0)
			name = name_from(py, t, hd_py_local_name(py, words, i), value, depth, frame, arena);
	}
	return name;
}

static const char *name_in_dict(struct hd_python *py, struct hd_py_target *t, uint64_t dict, unsigned depth,
				const struct hd_frame *frame, struct hd_arena *arena)
{
	struct hd_py_entries entries;
	uint64_t key, value;
	const char *name = NULL;
	if (hd_py_type_of(py, dict) != HD_PY_DICT || !hd_py_dict_open(py, dict, &entries))
		return NULL;
	for (uint32_t i = 0; i < entries.n && name == NULL && hd_py_entry(py, &entries, i, &key, &value); i++) {
		if (key != 0 && value != 0)
			name = name_from(py, t, key, value, depth, frame, arena);
	}
	return name;
}

/* Deep below what the code itself names: its locals, and the globals that it uses.  Below every global would be the whole
 * program. */
static const char *name_deep(struct hd_python *py, struct hd_py_target *t, const struct hd_frame *frame, unsigned depth,
			     struct hd_arena *arena)
{
	struct hd_py_words words;
	struct hd_py_entries globals;
	uint64_t dict, variable, n = 0;
	if (!hd_py_words_open(py, frame, &words))
		return NULL;
	const char *name = depth > HD_PY_DEPTH_MAX ? name_in_locals(py, t, &words, depth, frame, arena) : NULL;
	if (name != NULL || !hd_py_u64(py, words.frame + (uint64_t)py->at.fr_globals, &dict) ||
	    hd_py_type_of(py, dict) != HD_PY_DICT || !hd_py_dict_open(py, dict, &globals))
		return name;
	uint64_t names = hd_py_code_names(py, words.code, &n);
	for (uint64_t i = 0; names != 0 && i < n && name == NULL && t->budget > 0; i++) {
		HD_CLEAN_PTR char *text = hd_py_u64(py, names + 8 * i, &variable) ? hd_py_str(py, variable) : NULL;
		uint64_t value = text != NULL ? hd_py_entry_find(py, &globals, text) : 0;
		if (value != 0 && hd_py_type_of(py, value) != HD_PY_MODULE)
			name = name_from(py, t, variable, value, depth, frame, arena);
	}
	return name;
}

const char *hd_py_name_in_frame(struct hd_python *py, struct hd_py_target *t, const struct hd_frame *frame,
				 struct hd_arena *arena)
{
	struct hd_py_words words;
	uint64_t globals;
	const char *name = NULL;
	if (!hd_py_words_open(py, frame, &words))
		return NULL;
	if (!hd_py_u64(py, words.frame + (uint64_t)py->at.fr_globals, &globals))
		globals = 0;
	for (unsigned depth = 0; depth <= HD_PY_DEPTH_MAX && name == NULL; depth++) {
		name = name_in_locals(py, t, &words, depth, frame, arena);
		/* Two steps below every global would be the whole program. */
		if (name == NULL && globals != 0 && depth < HD_PY_DEPTH_MAX)
			name = name_in_dict(py, t, globals, depth, frame, arena);
	}
	return name;
}

/* Names from a library's own frames are true but tell its users little: kept only if nothing better turns up. */
static bool is_library(const struct hd_frame *frame)
{
	const char *file = frame->file != NULL ? frame->file : "";
	return strncmp(file, "<frozen", 7) == 0 || hd_py_file_ends(frame, "threading.py") || hd_py_file_ends(frame, "queue.py") ||
	       (strstr(file, "/lib/python3") != NULL && strstr(file, "-packages/") == NULL);
}

/* importlib's lock of one module: what matters is which module. */
static const char *name_of_import(struct hd_python *py, const struct hd_stack *stack, struct hd_arena *arena)
{
	if (stack->n == 0 || stack->at[0].file == NULL || strstr(stack->at[0].file, "importlib._bootstrap") == NULL ||
	    !hd_py_function_is(&stack->at[0], "_ModuleLock", "acquire"))
		return NULL;
	HD_CLEAN_PTR char *text = hd_py_str(py, hd_py_attr(py, hd_py_first_local(py, &stack->at[0]), "name"));
	if (text == NULL)
		return NULL;
	HD_CLEAN_BUF struct hd_buf name = {0};
	hd_buf_str(&name, "the import lock of module ");
	hd_buf_safe(&name, text);
	return hd_arena_str(arena, hd_buf_text(&name));
}

static const char *name_in_stack(struct hd_python *py, struct hd_py_target *t, const struct hd_stack *stack,
				 struct hd_arena *arena)
{
	const char *fallback = NULL;
	bool is_waiter = false; /* fallback names a condition's waiter */
	for (uint32_t i = 0; i < stack->n && i < WAITER_FRAMES_MAX && t->budget > 0; i++) {
		const char *name = hd_py_name_in_frame(py, t, &stack->at[i], arena);
		if (name != NULL && !is_library(&stack->at[i]))
			return name;
		if (fallback == NULL || (is_waiter && name != NULL)) {
			fallback = name;
			is_waiter = false;
		}
		/* A condition's waiter is a lock made for one wait: what has a name is the condition. */
		if (name != NULL && t->object == 0 && hd_py_file_ends(&stack->at[i], "threading.py") &&
		    hd_py_function_is(&stack->at[i], "Condition", "wait")) {
			t->object = hd_py_first_local(py, &stack->at[i]);
			is_waiter = true;
		}
	}
	return fallback;
}

static const char *name_deep_in_stack(struct hd_python *py, struct hd_py_target *t, const struct hd_stack *stack,
				      struct hd_arena *arena)
{
	const char *name = NULL;
	t->budget = DEEP_BUDGET;
	for (unsigned depth = HD_PY_DEPTH_MAX; depth <= DEEP_MAX; depth++) {
		for (uint32_t i = 0; i < stack->n && i < DEEP_FRAMES_MAX && name == NULL; i++) {
			if (!is_library(&stack->at[i]))
				name = name_deep(py, t, &stack->at[i], depth, arena);
		}
	}
	return name;
}

const char *hd_python_lock_name(struct hd_python *py, struct hd_mem *mem, uint64_t futex_addr,
				const struct hd_py_thread *waiter, struct hd_arena *arena)
{
	struct hd_py_target t;
	hd_py_begin(py, mem, arena);
	hd_py_target_init(py, futex_addr, HD_PY_NAME_BUDGET, &t);
	const char *name = name_of_import(py, &waiter->stack, arena);
	if (name == NULL)
		name = name_in_stack(py, &t, &waiter->stack, arena);
	const char *stream;
	if (name == NULL)
		name = name_deep_in_stack(py, &t, &waiter->stack, arena);
	t.budget = HD_PY_NAME_BUDGET;
	if (name == NULL && hd_py_stream_search(py, &t, &stream) != 0)
		name = hd_arena_printf(arena, "the buffer of sys.%s", stream);
	return name;
}
