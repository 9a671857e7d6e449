/* Who is inside a lock: a plain threading.Lock has no owner, but a `with` block leaves the lock's __exit__ on the value stack
 * of whoever is inside (reference: cpython.md section 9.2). */
#include <string.h>

#include "hangdog/vec.h"
#include "parse/py_target.h"

#define HELD_TEXT_MAX 256u
#define HELDS_MAX 4096u

/* PyFunctionObject: up to 3.9 code, globals, defaults, kwdefaults, closure, doc, name; then globals, builtins, name,
 * qualname, code (Include/cpython/funcobject.h). */
static uint64_t function_word(struct hd_python *py, uint64_t function, uint64_t before_3_10, uint64_t from_3_10)
{
	uint64_t word;
	uint64_t own = function + (uint64_t)py->at.object;
	return hd_py_u64(py, own + (py->at.minor < 10 ? before_3_10 : from_3_10), &word) ? word : 0;
}

/* Does this Python __exit__ give a lock back?  Executors and files have an __exit__ too, and attributes that are locks.
 */
static bool function_is_release(struct hd_python *py, uint64_t function)
{
	uint64_t code = function_word(py, function, 0, 32), name, n = 0;
	if (hd_py_type_of(py, function) != HD_PY_FUNCTION || hd_py_type_of(py, code) != HD_PY_CODE ||
	    !hd_py_str_is(py, function_word(py, function, 48, 16), "__exit__"))
		return false;
	uint64_t names = hd_py_code_names(py, code, &n);
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
static uint64_t manager_lock(struct hd_python *py, struct hd_py_target *t, uint64_t manager)
{
	char type[32];
	uint64_t parent;
	hd_py_type_name(py, manager, type, sizeof(type));
	return hd_py_search(py, t, manager, strcmp(type, "_ModuleLockManager") == 0 ? 3 : HD_PY_DEPTH_MAX, NULL, &parent);
}

/* Whose __exit__ stands in live slot i; 0 = nobody's, or not one that gives a lock back.  Plain: the __exit__ is C code, as
 * that of a lock is; else a context manager written in Python.  3.14+ keeps the function and its object in two slots. */
static uint64_t exit_self(struct hd_python *py, const struct hd_py_words *words, uint32_t i, bool *ret_is_plain)
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
	*ret_is_plain = type == HD_PY_BUILTIN ? builtin_is_exit(py, slot) : type != HD_PY_METHOD && descriptor_is_exit(py, slot);
	return *ret_is_plain || (self != 0 && function_is_release(py, function)) ? self : 0;
}

/* The lock of the target whose __exit__ stands in live slot i; 0 = none. */
static uint64_t exit_lock(struct hd_python *py, struct hd_py_target *t, const struct hd_py_words *words, uint32_t i)
{
	bool is_plain;
	uint64_t self = exit_self(py, words, i, &is_plain);
	if (self == 0)
		return 0;
	if (is_plain)
		return hd_py_target_is(py, t, self) ? self : 0;
	return manager_lock(py, t, self);
}

bool hd_py_is_condition_wait(const struct hd_frame *frame)
{
	return hd_py_file_ends(frame, "threading.py") && hd_py_function_is(frame, "Condition", "wait");
}

/* Inside `with condition: condition.wait()` the lock is free. */
static bool is_in_condition_wait(struct hd_python *py, struct hd_py_target *t, const struct hd_stack *stack, uint32_t inside)
{
	uint64_t parent;
	for (uint32_t i = 0; i < inside; i++) {
		if (hd_py_is_condition_wait(&stack->at[i]) &&
		    hd_py_search(py, t, hd_py_first_local(py, &stack->at[i]), HD_PY_DEPTH_MAX, NULL, &parent) != 0)
			return true;
	}
	return false;
}

/* Those of the `with` blocks of a frame that lie within the one in live slot `slot`. */
static uint32_t withs_within(struct hd_python *py, const struct hd_py_words *words, uint32_t slot)
{
	uint32_t n = 0;
	bool is_plain;
	for (uint32_t i = slot + 1; i < words->n_live; i++)
		n += exit_self(py, words, i, &is_plain) != 0;
	return n;
}

/* Inside `with lock:`, but the lock was given back for a while: by hand, or by a condition's wait. */
static bool is_given_back(struct hd_python *py, struct hd_py_target *t, const struct hd_stack *stack, uint32_t inside, uint32_t slot)
{
	struct hd_py_words words;
	if (is_in_condition_wait(py, t, stack, inside))
		return true;
	for (uint32_t i = 0; i < inside; i++) {
		if (hd_py_gave_back(py, t, &stack->at[i], UINT32_MAX))
			return true;
	}
	return hd_py_words_open(py, &stack->at[inside], &words) &&
	       hd_py_gave_back(py, t, &stack->at[inside], withs_within(py, &words, slot));
}

static bool thread_is_inside(struct hd_python *py, struct hd_py_target *t, const struct hd_stack *stack, uint64_t *ret_lock)
{
	struct hd_py_words words;
	for (uint32_t f = 0; f < stack->n && t->budget > 0; f++) {
		if (!hd_py_words_open(py, &stack->at[f], &words))
			continue;
		for (uint32_t i = 0; i < words.n_live; i++) {
			uint64_t lock = exit_lock(py, t, &words, i);
			if (lock == 0 || is_given_back(py, t, stack, f, i))
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
	if (!is_rlock && !hd_py_is_buffered(py, lock))
		return parent != 0 ? python_owner(py, parent) : 0;
	return hd_py_u64(py, own + (is_rlock ? 8 : 96), &ident) ? ident : 0;
}

static uint64_t owner_in_stack(struct hd_python *py, struct hd_py_target *t, const struct hd_stack *stack)
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
			uint64_t lock = value != 0 ? hd_py_search(py, t, value, 1, NULL, &parent) : 0;
			uint64_t owner = lock != 0 ? lock_owner(py, lock, parent) : 0;
			if (owner != 0)
				return owner;
		}
	}
	return 0;
}

/* The owner noted in the lock, found through whatever variable of these threads leads to it. */
static uint64_t owner_anywhere(struct hd_python *py, struct hd_py_target *t, const struct hd_py_threads *threads)
{
	uint64_t owner = 0, lock = t->byte - (uint64_t)py->at.object;
	const char *stream;
	if (t->byte != 0 && hd_py_type_of(py, lock) == HD_PY_RLOCK)
		return lock_owner(py, lock, 0);
	for (uint32_t i = 0; i < threads->n && owner == 0; i++)
		owner = owner_in_stack(py, t, &threads->at[i].stack);
	if (owner != 0)
		return owner;
	lock = hd_py_stream_search(py, t, &stream);
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
	struct hd_py_target t;
	uint64_t lock = 0;
	int inside = -1;
	hd_py_begin(py, mem, NULL);
	hd_py_target_init(py, futex_addr, HD_PY_HOLDER_BUDGET, &t);
	for (uint32_t i = 0; i < threads->n && inside < 0; i++) {
		if (thread_is_inside(py, &t, &threads->at[i].stack, &lock))
			inside = (int)i;
	}
	/* An owner noted in the lock itself is better than where a thread seems to be. */
	uint64_t owner = lock != 0 ? lock_owner(py, lock, 0) : owner_anywhere(py, &t, threads);
	return owner != 0 ? thread_by_ident(threads, owner) : inside;
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
	bool is_plain;
	uint64_t self = exit_self(py, words, i, &is_plain);
	return self != 0 && is_plain && !is_lock(py, self) ? 0 : self;
}

static bool waits_in_condition(const struct hd_stack *stack, uint32_t inside)
{
	for (uint32_t i = 0; i < inside; i++) {
		if (hd_py_is_condition_wait(&stack->at[i]))
			return true;
	}
	return false;
}

static void add_held(struct hd_python *py, uint64_t lock, const struct hd_frame *frame, struct hd_arena *arena, struct hd_buf *out)
{
	struct hd_py_target t = {.object = lock, .budget = HD_PY_NAME_BUDGET};
	const char *name = hd_py_name_in_frame(py, &t, frame, arena);
	hd_buf_str(out, out->len > 0 ? ", " : "");
	hd_buf_str(out, name != NULL ? name : "a Python lock");
}

void hd_python_helds(struct hd_python *py, struct hd_mem *mem, const struct hd_py_threads *threads, struct hd_arena *arena,
		     struct hd_py_helds *ret)
{
	HD_VEC(struct hd_py_held) list = {0};
	struct hd_py_words words;
	hd_py_begin(py, mem, arena);
	for (uint32_t i = 0; i < threads->n; i++) {
		const struct hd_stack *stack = &threads->at[i].stack;
		for (uint32_t f = 0; f < stack->n; f++) {
			uint32_t n = hd_py_words_open(py, &stack->at[f], &words) ? words.n_live : 0;
			for (uint32_t k = 0; k < n && list.n < HELDS_MAX; k++) {
				struct hd_py_held held = {i, f, k, any_exit(py, &words, k)};
				if (held.object != 0)
					HD_VEC_PUSH(&list, held);
			}
		}
	}
	*ret = (struct hd_py_helds){.at = list.n != 0 ? hd_arena_dup(arena, list.at, list.n * sizeof(*list.at)) : NULL,
				    .n = (uint32_t)list.n};
	HD_VEC_RELEASE(&list);
}

int hd_python_lock_inside(struct hd_python *py, struct hd_mem *mem, uint64_t futex_addr, const struct hd_py_threads *threads,
			  const struct hd_py_helds *helds)
{
	struct hd_py_target t;
	hd_py_begin(py, mem, NULL);
	hd_py_target_init(py, futex_addr, HD_PY_HOLDER_BUDGET, &t);
	for (uint32_t i = 0; i < helds->n; i++) {
		const struct hd_py_held *held = &helds->at[i];
		bool is_it = is_lock(py, held->object) ? hd_py_target_is(py, &t, held->object)
						       : manager_lock(py, &t, held->object) != 0;
		if (is_it && !is_given_back(py, &t, &threads->at[held->thread].stack, held->frame, held->slot))
			return (int)held->thread;
	}
	return -1;
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
