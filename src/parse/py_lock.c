/* Which lock a futex address belongs to, what the program calls it, and who was inside it (reference: cpython.md
 * section 9).  Names come from the waiter's variables; a plain threading.Lock has no owner, but a `with` block leaves
 * the lock's __exit__ on the value stack of whoever is inside. */
#include <string.h>

#include "parse/py_reader.h"

#define WAITER_FRAMES_MAX 12u /* innermost frames whose variables are searched for a name */
#define NAME_BUDGET 20000u    /* objects looked at for a name */
#define HOLDER_BUDGET 200000u /* for a holder, over all threads */
#define DEPTH_MAX 2u
#define HELD_TEXT_MAX 256u

struct target {
	uint64_t sem;  /* the futex word: a sem_t that the lock object points to (up to 3.13.0; Buffered always) */
	uint64_t byte; /* parking lot (later): address of the PyMutex, in the lock object or (Buffered in 3.15) that the
			* object points to; 0 = not so */
	uint64_t object; /* or this very object, 0 = not so */
	uint32_t budget;
};

/* Parking lot: the futex word is in a wait_entry on the waiter's own stack, right behind the address that it waits for
 * (Python/parking_lot.c).  Both kinds are tested; neither can be taken for the other. */
static void target_init(struct hd_python *py, uint64_t futex_addr, uint32_t budget, struct target *ret)
{
	*ret = (struct target){.sem = futex_addr, .budget = budget};
	if (!hd_py_u64(py, futex_addr - 8, &ret->byte))
		ret->byte = 0;
}

static bool type_is_buffered(struct hd_python *py, uint64_t object)
{
	char name[32];
	hd_py_type_name(py, object, name, sizeof(name));
	return strncmp(name, "_io.Buffered", strlen("_io.Buffered")) == 0;
}

/* Lock, RLock, SimpleQueue: the lock comes first in the object.  Buffered: Modules/_io/bufferedio.c. */
static bool target_is(struct hd_python *py, struct target *t, uint64_t object)
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
	       type_is_buffered(py, object);
}

/* ---- search ---- */

/* The first lock within `depth` steps below `object`: its path is appended to `path` (may be NULL), and *ret_parent is
 * the object that it is an attribute or item of. */
static uint64_t search_below(struct hd_python *py, struct target *t, uint64_t object, unsigned depth,
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
		if (depth == 1 && target_is(py, t, kid)) {
			*ret_parent = object;
			found = kid;
			if (path != NULL)
				hd_py_kid(py, &kids, i, path);
		} else if (depth > 1) {
			found = search_below(py, t, kid, depth - 1, path, ret_parent);
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
static uint64_t search(struct hd_python *py, struct target *t, uint64_t object, unsigned depth_max, struct hd_buf *path,
		       uint64_t *ret_parent)
{
	*ret_parent = 0;
	if (target_is(py, t, object))
		return object;
	for (unsigned depth = 1; depth <= depth_max; depth++) {
		uint64_t found = search_below(py, t, object, depth, path, ret_parent);
		if (found != 0)
			return found;
	}
	return 0;
}

/* ---- names ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

static const char *name_finish(struct hd_python *py, struct hd_buf *path, uint64_t parent, const struct hd_frame *frame,
			       struct hd_arena *arena)
{
	char type[64] = "";
	enum hd_py_type kind = parent != 0 ? hd_py_type_of(py, parent) : HD_PY_LIST;
	if (kind == HD_PY_OTHER)
		hd_py_type_name(py, parent, type, sizeof(type));
	if (type[0] != '\0') {
		hd_buf_str(path, " of ");
		hd_buf_safe(path, type);
	}
	if (frame != NULL && frame->file != NULL) {
		hd_buf_str(path, " (in ");
		hd_buf_safe(path, base_name(frame->file));
		hd_buf_char(path, ')');
	}
	return hd_arena_str(arena, hd_buf_text(path));
}

/* A name for the lock, if this variable leads to it in `depth` steps; else NULL. */
static const char *name_from(struct hd_python *py, struct target *t, uint64_t variable, uint64_t value, unsigned depth,
			     const struct hd_frame *frame, struct hd_arena *arena)
{
	HD_CLEAN_BUF struct hd_buf path = {0};
	HD_CLEAN_PTR char *text = NULL;
	uint64_t parent = 0;
	if (depth == 0 ? !target_is(py, t, value) : search_below(py, t, value, depth, NULL, &parent) == 0)
		return NULL;
	text = hd_py_str(py, variable);
	hd_buf_safe(&path, text != NULL ? text : "?");
	if (depth > 0)
		search_below(py, t, value, depth, &path, &parent);
	return name_finish(py, &path, parent, frame, arena);
}

static const char *name_in_locals(struct hd_python *py, struct target *t, const struct hd_py_words *words,
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

static const char *name_in_dict(struct hd_python *py, struct target *t, uint64_t dict, unsigned depth,
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

static const char *name_in_frame(struct hd_python *py, struct target *t, const struct hd_frame *frame,
				 struct hd_arena *arena)
{
	struct hd_py_words words;
	uint64_t globals;
	const char *name = NULL;
	if (!hd_py_words_open(py, frame, &words))
		return NULL;
	if (!hd_py_u64(py, words.frame + (uint64_t)py->at.fr_globals, &globals))
		globals = 0;
	for (unsigned depth = 0; depth <= DEPTH_MAX && name == NULL; depth++) {
		name = name_in_locals(py, t, &words, depth, frame, arena);
		/* Two steps below every global would be the whole program. */
		if (name == NULL && globals != 0 && depth < DEPTH_MAX)
			name = name_in_dict(py, t, globals, depth, frame, arena);
	}
	return name;
}

static bool file_ends(const struct hd_frame *frame, const char *base)
{
	return frame->file != NULL && strcmp(base_name(frame->file), base) == 0;
}

/* "Condition.wait" from 3.11 on, "wait" before. */
static bool function_is(const struct hd_frame *frame, const char *class, const char *method)
{
	size_t len = strlen(class);
	if (frame->function == NULL)
		return false;
	return strcmp(frame->function, method) == 0 ||
	       (strncmp(frame->function, class, len) == 0 && frame->function[len] == '.' &&
		strcmp(frame->function + len + 1, method) == 0);
}

/* Names from a library's own frames are true but tell its users little: kept only if nothing better turns up. */
static bool is_library(const struct hd_frame *frame)
{
	const char *file = frame->file != NULL ? frame->file : "";
	return strncmp(file, "<frozen", 7) == 0 || file_ends(frame, "threading.py") || file_ends(frame, "queue.py") ||
	       (strstr(file, "/lib/python3") != NULL && strstr(file, "-packages/") == NULL);
}

static uint64_t first_local(struct hd_python *py, const struct hd_frame *frame)
{
	struct hd_py_words words;
	return hd_py_words_open(py, frame, &words) && words.n_locals > 0 ? hd_py_local_value(py, &words, 0) : 0;
}

/* importlib's lock of one module: what matters is which module. */
static const char *name_of_import(struct hd_python *py, const struct hd_stack *stack, struct hd_arena *arena)
{
	if (stack->n == 0 || stack->at[0].file == NULL || strstr(stack->at[0].file, "importlib._bootstrap") == NULL ||
	    !function_is(&stack->at[0], "_ModuleLock", "acquire"))
		return NULL;
	HD_CLEAN_PTR char *text = hd_py_str(py, hd_py_attr(py, first_local(py, &stack->at[0]), "name"));
	if (text == NULL)
		return NULL;
	HD_CLEAN_BUF struct hd_buf name = {0};
	hd_buf_str(&name, "the import lock of module ");
	hd_buf_safe(&name, text);
	return hd_arena_str(arena, hd_buf_text(&name));
}

/* print() names no stream: the standard ones are looked at last.  The lock found there and the stream's name, or 0. */
static uint64_t stream_search(struct hd_python *py, struct target *t, const char **ret_name)
{
	static const char *const streams[] = {"stdout", "stderr", "stdin"};
	struct hd_py_entries entries;
	uint64_t globals = hd_py_module_globals(py, hd_py_main_interp(py), "sys"), parent;
	if (globals == 0 || !hd_py_dict_open(py, globals, &entries))
		return 0;
	for (size_t i = 0; i < HD_COUNTOF(streams); i++) {
		uint64_t stream = hd_py_entry_find(py, &entries, streams[i]);
		uint64_t lock = stream != 0 ? search(py, t, stream, 1, NULL, &parent) : 0;
		if (lock != 0) {
			*ret_name = streams[i];
			return lock;
		}
	}
	return 0;
}

static const char *name_in_stack(struct hd_python *py, struct target *t, const struct hd_stack *stack,
				 struct hd_arena *arena)
{
	const char *fallback = NULL;
	bool is_waiter = false; /* fallback names a condition's waiter */
	for (uint32_t i = 0; i < stack->n && i < WAITER_FRAMES_MAX && t->budget > 0; i++) {
		const char *name = name_in_frame(py, t, &stack->at[i], arena);
		if (name != NULL && !is_library(&stack->at[i]))
			return name;
		if (fallback == NULL || (is_waiter && name != NULL)) {
			fallback = name;
			is_waiter = false;
		}
		/* A condition's waiter is a lock made for one wait: what has a name is the condition. */
		if (name != NULL && t->object == 0 && file_ends(&stack->at[i], "threading.py") &&
		    function_is(&stack->at[i], "Condition", "wait")) {
			t->object = first_local(py, &stack->at[i]);
			is_waiter = true;
		}
	}
	return fallback;
}

const char *hd_python_lock_name(struct hd_python *py, struct hd_mem *mem, uint64_t futex_addr,
				const struct hd_py_thread *waiter, struct hd_arena *arena)
{
	struct target t;
	hd_py_begin(py, mem, arena);
	target_init(py, futex_addr, NAME_BUDGET, &t);
	const char *name = name_of_import(py, &waiter->stack, arena);
	if (name == NULL)
		name = name_in_stack(py, &t, &waiter->stack, arena);
	const char *stream;
	if (name == NULL && stream_search(py, &t, &stream) != 0)
		name = hd_arena_printf(arena, "the buffer of sys.%s", stream);
	return name;
}

/* ---- holders ---- */

/* PyFunctionObject: up to 3.9 code, globals, defaults, kwdefaults, closure, doc, name; then globals, builtins, name,
 * qualname, code (Include/cpython/funcobject.h). */
static uint64_t function_word(struct hd_python *py, uint64_t function, uint64_t before_3_10, uint64_t from_3_10)
{
	uint64_t word;
	uint64_t own = function + (uint64_t)py->at.object;
	return hd_py_u64(py, own + (py->at.minor < 10 ? before_3_10 : from_3_10), &word) ? word : 0;
}

/* co_names: address of the first and number. */
static uint64_t code_names(struct hd_python *py, uint64_t code, uint64_t *ret_n)
{
	uint64_t names;
	if (!hd_py_u64(py, code + (uint64_t)py->at.co_names, &names) || hd_py_type_of(py, names) != HD_PY_TUPLE ||
	    !hd_py_u64(py, names + (uint64_t)py->at.object, ret_n))
		return 0;
	*ret_n = *ret_n < HD_PY_KIDS_MAX ? *ret_n : HD_PY_KIDS_MAX;
	return names + (uint64_t)py->at.tuple_items;
}

/* Does this Python __exit__ give a lock back?  Executors and files have an __exit__ too, and attributes that are locks.
 */
static bool function_is_release(struct hd_python *py, uint64_t function)
{
	uint64_t code = function_word(py, function, 0, 32), name, n = 0;
	if (hd_py_type_of(py, function) != HD_PY_FUNCTION || hd_py_type_of(py, code) != HD_PY_CODE ||
	    !hd_py_str_is(py, function_word(py, function, 48, 16), "__exit__"))
		return false;
	uint64_t names = code_names(py, code, &n);
	for (uint64_t i = 0; names != 0 && i < n; i++) {
		if (hd_py_u64(py, names + 8 * i, &name) &&
		    (hd_py_str_is(py, name, "release") || hd_py_str_is(py, name, "__exit__")))
			return true;
	}
	return false;
}

/* m_ml->ml_name of a built-in method. */
static bool builtin_is_exit(struct hd_python *py, uint64_t builtin)
{
	uint64_t word;
	char text[9];
	return hd_py_u64(py, builtin + (uint64_t)py->at.object, &word) && hd_py_u64(py, word, &word) &&
	       hd_py_read(py, word, text, sizeof(text)) && memcmp(text, "__exit__", sizeof(text)) == 0;
}

static bool descriptor_is_exit(struct hd_python *py, uint64_t descriptor)
{
	char type[32];
	uint64_t name; /* d_type, d_name: Include/cpython/descrobject.h */
	hd_py_type_name(py, descriptor, type, sizeof(type));
	return strcmp(type, "method_descriptor") == 0 &&
	       hd_py_u64(py, descriptor + (uint64_t)py->at.object + 8, &name) && hd_py_str_is(py, name, "__exit__");
}

/* The lock below a context manager written in Python: Condition._lock, a class that wraps a lock, and importlib's
 * manager, which leads to its lock's list of waiting locks in three steps. */
static uint64_t manager_lock(struct hd_python *py, struct target *t, uint64_t manager)
{
	char type[32];
	uint64_t parent;
	hd_py_type_name(py, manager, type, sizeof(type));
	return search(py, t, manager, strcmp(type, "_ModuleLockManager") == 0 ? 3 : DEPTH_MAX, NULL, &parent);
}

/* The lock whose __exit__ stands in live slot i; 0 = none.  3.14+ keeps the function and its object in two slots. */
static uint64_t exit_lock(struct hd_python *py, struct target *t, const struct hd_py_words *words, uint32_t i)
{
	uint64_t slot = hd_py_word(py, words->stack, i), function = 0, self = 0;
	enum hd_py_type type = slot != 0 ? hd_py_type_of(py, slot) : HD_PY_OTHER;
	if (slot == 0)
		return 0;
	if (type == HD_PY_BUILTIN || type == HD_PY_METHOD) { /* m_ml, m_self; im_func, im_self */
		if (!hd_py_u64(py, slot + (uint64_t)py->at.object, &function) ||
		    !hd_py_u64(py, slot + (uint64_t)py->at.object + 8, &self))
			return 0;
	} else if (py->at.minor >= 14 && i + 1 < words->n_live) {
		function = slot;
		self = hd_py_word(py, words->stack, i + 1);
	}
	if (type == HD_PY_BUILTIN ? builtin_is_exit(py, slot) : type != HD_PY_METHOD && descriptor_is_exit(py, slot))
		return target_is(py, t, self) ? self : 0;
	return self != 0 && function_is_release(py, function) ? manager_lock(py, t, self) : 0;
}

/* Inside `with condition: condition.wait()` the lock is free. */
static bool is_in_condition_wait(struct hd_python *py, struct target *t, const struct hd_stack *stack, uint32_t inside)
{
	uint64_t parent;
	for (uint32_t i = 0; i < inside; i++) {
		if (file_ends(&stack->at[i], "threading.py") && function_is(&stack->at[i], "Condition", "wait") &&
		    search(py, t, first_local(py, &stack->at[i]), DEPTH_MAX, NULL, &parent) != 0)
			return true;
	}
	return false;
}

static bool thread_is_inside(struct hd_python *py, struct target *t, const struct hd_stack *stack, uint64_t *ret_lock)
{
	struct hd_py_words words;
	for (uint32_t f = 0; f < stack->n && t->budget > 0; f++) {
		if (!hd_py_words_open(py, &stack->at[f], &words))
			continue;
		for (uint32_t i = 0; i < words.n_live; i++) {
			uint64_t lock = exit_lock(py, t, &words, i);
			if (lock == 0 || is_in_condition_wait(py, t, stack, f))
				continue;
			*ret_lock = lock;
			return true;
		}
	}
	return false;
}

/* Locks written in Python note their owner in an attribute: importlib's, and threading's fallback RLock. */
static uint64_t python_owner(struct hd_python *py, uint64_t object)
{
	static const char *const classes[][2] = {{"_ModuleLock", "owner"}, {"_RLock", "_owner"}};
	char type[32];
	uint64_t ident;
	hd_py_type_name(py, object, type, sizeof(type));
	for (size_t i = 0; i < HD_COUNTOF(classes); i++) {
		if (strcmp(type, classes[i][0]) == 0 && hd_py_int(py, hd_py_attr(py, object, classes[i][1]), &ident))
			return ident;
	}
	return 0;
}

/* The thread ident that an RLock or a buffered stream notes as its owner, or the object whose attribute the lock is;
 * 0 = none noted. */
static uint64_t lock_owner(struct hd_python *py, uint64_t lock, uint64_t parent)
{
	uint64_t own = lock + (uint64_t)py->at.object, ident;
	bool is_rlock = hd_py_type_of(py, lock) == HD_PY_RLOCK;
	if (!is_rlock && !type_is_buffered(py, lock))
		return parent != 0 ? python_owner(py, parent) : 0;
	return hd_py_u64(py, own + (is_rlock ? 8 : 96), &ident) ? ident : 0;
}

static uint64_t owner_in_stack(struct hd_python *py, struct target *t, const struct hd_stack *stack)
{
	struct hd_py_words words;
	uint64_t parent;
	for (uint32_t f = 0; f < stack->n && t->budget > 0; f++) {
		if (!hd_py_words_open(py, &stack->at[f], &words))
			continue;
		/* Stale slots do no harm here: the owner is read from the lock itself. */
		for (uint32_t i = 0; i < words.n_locals + words.n_stack; i++) {
			uint64_t value = i < words.n_locals ? hd_py_local_value(py, &words, i)
							    : hd_py_word(py, words.stack, i - words.n_locals);
			uint64_t lock = value != 0 ? search(py, t, value, 1, NULL, &parent) : 0;
			uint64_t owner = lock != 0 ? lock_owner(py, lock, parent) : 0;
			if (owner != 0)
				return owner;
		}
	}
	return 0;
}

/* The owner noted in the lock, found through whatever variable of these threads leads to it. */
static uint64_t owner_anywhere(struct hd_python *py, struct target *t, const struct hd_py_threads *threads)
{
	uint64_t owner = 0, lock = t->byte - (uint64_t)py->at.object;
	const char *stream;
	if (t->byte != 0 && hd_py_type_of(py, lock) == HD_PY_RLOCK)
		return lock_owner(py, lock, 0);
	for (uint32_t i = 0; i < threads->n && owner == 0; i++)
		owner = owner_in_stack(py, t, &threads->at[i].stack);
	if (owner != 0)
		return owner;
	lock = stream_search(py, t, &stream);
	return lock != 0 ? lock_owner(py, lock, 0) : 0;
}

static int thread_by_ident(const struct hd_py_threads *threads, uint64_t ident)
{
	for (uint32_t i = 0; ident != 0 && i < threads->n; i++) {
		if (threads->at[i].thread_id == ident)
			return (int)i;
	}
	return -1;
}

int hd_python_lock_holder(struct hd_python *py, struct hd_mem *mem, uint64_t futex_addr,
			  const struct hd_py_threads *threads)
{
	struct target t;
	uint64_t lock = 0;
	int inside = -1;
	hd_py_begin(py, mem, NULL);
	target_init(py, futex_addr, HOLDER_BUDGET, &t);
	for (uint32_t i = 0; i < threads->n && inside < 0; i++) {
		if (thread_is_inside(py, &t, &threads->at[i].stack, &lock))
			inside = (int)i;
	}
	/* An owner noted in the lock itself is better than where a thread seems to be. */
	uint64_t owner = lock != 0 ? lock_owner(py, lock, 0) : owner_anywhere(py, &t, threads);
	return owner != 0 ? thread_by_ident(threads, owner) : inside;
}

/* ---- users ---- */

/* Does the name that this code uses lead to the lock: as a global, or as an attribute of a local variable? */
static bool name_leads_there(struct hd_python *py, struct target *t, const struct hd_py_words *words,
			     const struct hd_py_entries *globals, uint64_t name)
{
	HD_CLEAN_PTR char *text = hd_py_str(py, name);
	if (text == NULL)
		return false;
	uint64_t value = hd_py_entry_find(py, globals, text);
	if (value != 0 && target_is(py, t, value))
		return true;
	for (uint32_t i = 0; i < words->n_locals && t->budget > 0; i++) {
		uint64_t local = hd_py_local_value(py, words, i);
		value = local != 0 ? hd_py_attr(py, local, text) : 0;
		if (value != 0 && target_is(py, t, value))
			return true;
	}
	return false;
}

/* A function that calls acquire() and names this lock.  The module's own code names whatever it makes. */
static bool frame_uses(struct hd_python *py, struct target *t, const struct hd_frame *frame)
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
		leads = target_is(py, t, hd_py_local_value(py, &words, i));
	uint64_t names = code_names(py, words.code, &n);
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
	struct target t;
	int user = -1;
	hd_py_begin(py, mem, NULL);
	target_init(py, futex_addr, HOLDER_BUDGET, &t);
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

/* ---- all that a thread holds ---- */

static bool is_lock(struct hd_python *py, uint64_t object)
{
	enum hd_py_type type = object != 0 ? hd_py_type_of(py, object) : HD_PY_OTHER;
	return type == HD_PY_LOCK || type == HD_PY_RLOCK;
}

/* Python (3.9 and later) makes the locks of log handlers anew in each copy: Lib/logging/__init__.py,
 * _after_at_fork_child_reinit_locks. */
static bool is_repaired(const struct hd_frame *frame)
{
	static const char file[] = "/logging/__init__.py";
	size_t len = frame->file != NULL ? strlen(frame->file) : 0;
	return len >= sizeof(file) - 1 && strcmp(frame->file + len - (sizeof(file) - 1), file) == 0;
}

/* The lock, or the object that works like one, whose __exit__ stands in live slot i; 0 = none. */
static uint64_t any_exit(struct hd_python *py, const struct hd_py_words *words, uint32_t i)
{
	uint64_t slot = hd_py_word(py, words->stack, i), function = 0, self = 0;
	enum hd_py_type type = slot != 0 ? hd_py_type_of(py, slot) : HD_PY_OTHER;
	if (slot == 0)
		return 0;
	if (type == HD_PY_BUILTIN || type == HD_PY_METHOD) {
		if (!hd_py_u64(py, slot + (uint64_t)py->at.object, &function) ||
		    !hd_py_u64(py, slot + (uint64_t)py->at.object + 8, &self))
			return 0;
	} else if (py->at.minor >= 14 && i + 1 < words->n_live) {
		function = slot;
		self = hd_py_word(py, words->stack, i + 1);
	}
	if (type == HD_PY_BUILTIN ? builtin_is_exit(py, slot) : type != HD_PY_METHOD && descriptor_is_exit(py, slot))
		return is_lock(py, self) ? self : 0;
	return self != 0 && function_is_release(py, function) ? self : 0;
}

static bool waits_in_condition(const struct hd_stack *stack, uint32_t inside)
{
	for (uint32_t i = 0; i < inside; i++) {
		if (file_ends(&stack->at[i], "threading.py") && function_is(&stack->at[i], "Condition", "wait"))
			return true;
	}
	return false;
}

static void add_held(struct hd_python *py, uint64_t lock, const struct hd_frame *frame, struct hd_arena *arena, struct hd_buf *out)
{
	struct target t = {.object = lock, .budget = NAME_BUDGET};
	const char *name = name_in_frame(py, &t, frame, arena);
	hd_buf_str(out, out->len > 0 ? ", " : "");
	hd_buf_str(out, name != NULL ? name : "a Python lock");
}

const char *hd_python_locks_held(struct hd_python *py, struct hd_mem *mem, const struct hd_py_thread *thread, struct hd_arena *arena)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	struct hd_py_words words;
	hd_py_begin(py, mem, arena);
	for (uint32_t f = 0; f < thread->stack.n && out.len < HELD_TEXT_MAX; f++) {
		if (is_repaired(&thread->stack.at[f]) || !hd_py_words_open(py, &thread->stack.at[f], &words))
			continue;
		for (uint32_t i = 0; i < words.n_live; i++) {
			uint64_t lock = any_exit(py, &words, i);
			/* In Condition.wait the condition's own lock, taken in the frames around, is free. */
			if (lock != 0 && (is_lock(py, lock) || !waits_in_condition(&thread->stack, f)))
				add_held(py, lock, &thread->stack.at[f], arena, &out);
		}
	}
	return out.len > 0 ? hd_arena_strn(arena, hd_buf_text(&out), out.len) : NULL;
}
