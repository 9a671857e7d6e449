/* Interpreters, thread states, frames (reference: cpython.md sections 2.3, 3, 5, 6). */
#include <errno.h>
#include <string.h>

#include "hangdog/vec.h"
#include "parse/py_lines.h"
#include "parse/py_reader.h"

#define INTERPRETERS_MAX 256u
/* From its word `locked` to its end: two conditions and two mutexes follow (Include/internal/pycore_gil.h, glibc). */
#define GIL_TAIL 192u

/* Is `place`, with `back` behind it, the first frame of its C-level evaluation call? */
static bool place_is_entry(const struct hd_python *py, const struct hd_py_place *place, const struct hd_py_place *back)
{
	if (py->at.minor < 11)
		return true; /* one Python frame an evaluation call */
	if (py->at.minor == 11)
		return place->is_entry;
	return back == NULL || back->is_shim;
}

bool hd_py_frame_fill(struct hd_python *py, const struct hd_py_place *place, struct hd_frame *ret)
{
	const struct hd_py_code *code = hd_py_code_get(py, place->code);
	if (code == NULL)
		return false;
	*ret = (struct hd_frame){
		.kind = HD_FRAME_PYTHON,
		.function = code->out_function,
		.file = code->out_file,
		.pc = place->instr,
		.cfa = place->frame,
		.offset = place->code,
	};
	if (code->table != NULL)
		ret->line = hd_py_line(py->at.minor, code->table, code->table_len, code->firstlineno, place->lasti);
	return true;
}

static bool first_frame(struct hd_python *py, uint64_t tstate, uint64_t *ret)
{
	if (!hd_py_u64(py, tstate + (uint64_t)py->at.ts_frame, ret))
		return false;
	if (py->at.cframe_current == HD_PY_NONE)
		return true;
	return *ret == 0 || hd_py_u64(py, *ret + (uint64_t)py->at.cframe_current, ret);
}

struct walk {
	HD_VEC(struct hd_frame) frames; /* of the current thread */
	HD_VEC(struct hd_py_thread) threads;
	uint32_t all_frames; /* of all threads, shims included */
	bool is_complete;
};

/* Collects the frames of a thread; true when the chain ended where a stack ends. */
static bool frames_walk(struct hd_python *py, uint64_t tstate, struct walk *walk, bool *ret_cut)
{
	uint64_t frame;
	struct hd_py_place place, back;
	if (!first_frame(py, tstate, &frame))
		return false;
	bool has_place = frame != 0;
	if (has_place && !hd_py_place_read(py, frame, &place))
		return false;
	while (has_place) {
		bool has_back = place.back != 0;
		if (walk->frames.n >= (py->is_deep ? HD_PY_DEEP_FRAMES_MAX : HD_PY_FRAMES_MAX) || walk->all_frames >= HD_PY_ALL_FRAMES_MAX) {
			*ret_cut = true;
			return false;
		}
		if (has_back && !hd_py_place_read(py, place.back, &back))
			return false;
		if (!place.is_shim) {
			struct hd_frame f;
			if (!hd_py_frame_fill(py, &place, &f))
				return false;
			f.is_pyeval = place_is_entry(py, &place, has_back ? &back : NULL);
			/* The shim behind an entry frame is a local variable of the evaluation loop (Python/ceval.c).
			 */
			f.eval_sp = has_back && back.is_shim ? back.frame : 0;
			HD_VEC_PUSH(&walk->frames, f);
		}
		walk->all_frames++;
		has_place = has_back;
		place = back;
	}
	return true;
}

void hd_python_deep(struct hd_python *py, bool is_deep)
{
	py->is_deep = is_deep;
}

/* ---- names ---- */

static const char *thread_object_name(struct hd_python *py, uint64_t thread)
{
	uint64_t name = hd_py_attr(py, thread, "_name");
	char *text = name != 0 ? hd_py_str(py, name) : NULL;
	const char *ret = hd_arena_str(py->arena, text);
	free(text);
	return ret;
}

/* The outermost Python frame of a threading.Thread is _bootstrap(self): that object, 0 = none. */
static uint64_t bootstrap_object(struct hd_python *py, const struct hd_stack *stack)
{
	uint64_t self;
	if (stack->n == 0 || !stack->is_complete)
		return 0;
	const struct hd_frame *outer = &stack->at[stack->n - 1];
	if (outer->function == NULL ||
	    (strcmp(outer->function, "_bootstrap") != 0 && strcmp(outer->function, "Thread._bootstrap") != 0) ||
	    !hd_py_u64(py, outer->cfa + (uint64_t)py->at.fr_locals, &self))
		return 0;
	return hd_py_untag(py, self);
}

/* Searched once for the main interpreter: it is the one that is read again and again. */
static uint64_t threading_globals(struct hd_python *py, uint64_t interp)
{
	if (interp != hd_py_main_interp(py))
		return hd_py_module_globals(py, interp, "threading");
	if (py->threading_globals == 0 || hd_py_type_of(py, py->threading_globals) != HD_PY_DICT)
		py->threading_globals = hd_py_module_globals(py, interp, "threading");
	return py->threading_globals;
}

/* threading._active: ident → Thread.  The general way; needed for the main thread and for threads C code made. */
static void names_from_active(struct hd_python *py, uint64_t interp, struct hd_py_thread *threads, size_t n)
{
	struct hd_py_entries globals, active;
	uint64_t key, value, ident, dict, module = threading_globals(py, interp);
	if (module == 0 || !hd_py_dict_open(py, module, &globals))
		return;
	dict = hd_py_entry_find(py, &globals, "_active");
	if (dict == 0)
		py->threading_globals = 0; /* not that module any more: search again next time */
	if (dict == 0 || hd_py_type_of(py, dict) != HD_PY_DICT || !hd_py_dict_open(py, dict, &active))
		return;
	for (uint32_t i = 0; i < active.n && i < HD_PY_THREADS_MAX && hd_py_entry(py, &active, i, &key, &value); i++) {
		if (key == 0 || value == 0 || !hd_py_int(py, key, &ident))
			continue;
		for (size_t t = 0; t < n; t++) {
			if (threads[t].name == NULL && threads[t].thread_id == ident)
				threads[t].name = thread_object_name(py, value);
		}
	}
}

/* ---- thread states ---- */

/* The interpreter's lock; 0 = it has none, or that is switched off (free-threaded builds). */
static uint64_t gil_of(struct hd_python *py, uint64_t interp)
{
	const struct hd_py_layout *at = &py->at;
	uint64_t gil = at->rt_gil != HD_PY_NONE ? py->runtime + (uint64_t)at->rt_gil : 0;
	int32_t enabled = 1;
	if (gil == 0 && !hd_py_u64(py, interp + (uint64_t)at->interp_ceval_gil, &gil))
		return 0;
	if (at->gil_enabled != HD_PY_NONE && !hd_py_i32(py, gil + (uint64_t)at->gil_enabled, &enabled))
		return 0;
	return enabled != 0 ? gil : 0;
}

/* The thread state that holds it; 0 = nobody.  The last holder keeps its place after it let go: only `locked` says that it
 * still has it. */
static uint64_t gil_holder(struct hd_python *py, uint64_t gil)
{
	int32_t locked;
	uint64_t holder;
	if (gil == 0 || !hd_py_i32(py, gil + (uint64_t)py->at.gil_locked, &locked) || locked != 1 ||
	    !hd_py_u64(py, gil + (uint64_t)py->at.gil_holder, &holder))
		return 0;
	return holder;
}

static bool gc_is_running(struct hd_python *py, uint64_t interp)
{
	int32_t collecting;
	uint64_t at = py->at.rt_collecting != HD_PY_NONE ? py->runtime + (uint64_t)py->at.rt_collecting
							 : interp + (uint64_t)(py->at.interp_gc + py->at.gc_collecting);
	return hd_py_i32(py, at, &collecting) && collecting == 1;
}

/* Up to 3.10 the kernel's tid is not in the thread state, but the C library has it in the thread descriptor, which
 * points to itself (glibc 2.31 to 2.43: nptl/descr.h; musl 1.2: src/internal/pthread_impl.h). */
static int32_t tid_from_descriptor(struct hd_python *py, uint64_t thread_id)
{
	uint64_t head[3];
	int32_t tid;
	if (!hd_py_read(py, thread_id, head, sizeof(head)) || head[0] != thread_id)
		return 0;
	uint64_t at = thread_id + (head[2] == thread_id ? 720 : 48);
	return hd_py_i32(py, at, &tid) && tid > 0 ? tid : 0;
}

static bool thread_read(struct hd_python *py, uint64_t tstate, struct walk *walk)
{
	const struct hd_py_layout *at = &py->at;
	struct hd_py_thread thread = {.tstate = tstate};
	uint64_t native = 0;
	bool is_cut = false;
	if (!hd_py_u64(py, tstate + (uint64_t)at->ts_thread_id, &thread.thread_id) ||
	    (at->ts_native_id != HD_PY_NONE && !hd_py_u64(py, tstate + (uint64_t)at->ts_native_id, &native)))
		return false;
	thread.native_tid = native <= INT32_MAX ? (int32_t)native : 0;
	HD_VEC_CLEAR(&walk->frames);
	thread.stack.is_complete = frames_walk(py, tstate, walk, &is_cut);
	thread.stack.is_partial = is_cut;
	thread.stack.n = (uint32_t)walk->frames.n;
	if (walk->frames.n != 0)
		thread.stack.at = hd_arena_dup(py->arena, walk->frames.at, walk->frames.n * sizeof(*walk->frames.at));
	uint64_t object = bootstrap_object(py, &thread.stack);
	if (object != 0)
		thread.name = thread_object_name(py, object);
	if (at->ts_native_id == HD_PY_NONE)
		thread.native_tid = tid_from_descriptor(py, thread.thread_id);
	/* A thread that a fork did not copy has no tid in its descriptor any more; its Thread object noted it. */
	if (thread.native_tid == 0 && object != 0 && hd_py_int(py, hd_py_attr(py, object, "_native_id"), &native))
		thread.native_tid = (int32_t)(native & INT32_MAX);
	HD_VEC_PUSH(&walk->threads, thread);
	return thread.stack.is_complete;
}

bool hd_py_thread_read(struct hd_python *py, uint64_t tstate, struct hd_py_thread *ret)
{
	struct walk walk = {.is_complete = true};
	bool is_complete = thread_read(py, tstate, &walk);
	if (walk.threads.n != 0)
		*ret = walk.threads.at[0];
	HD_VEC_RELEASE(&walk.threads);
	HD_VEC_RELEASE(&walk.frames);
	return is_complete;
}

static void interp_read(struct hd_python *py, uint64_t interp, struct walk *walk)
{
	uint64_t gil = gil_of(py, interp), holder = gil_holder(py, gil);
	uint64_t tstate, next, owner, prev = 0, back;
	size_t first = walk->threads.n;
	bool is_nameless = false;
	if (!hd_py_u64(py, interp + (uint64_t)py->at.interp_threads, &tstate)) {
		walk->is_complete = false;
		return;
	}
	for (; tstate != 0; prev = tstate, tstate = next) {
		/* A list that is being changed, or is none, does not agree with itself. */
		if (walk->threads.n >= HD_PY_THREADS_MAX || tstate % 8 != 0 ||
		    !hd_py_u64(py, tstate + (uint64_t)py->at.ts_next, &next) ||
		    !hd_py_u64(py, tstate + (uint64_t)py->at.ts_prev, &back) || back != prev ||
		    !hd_py_u64(py, tstate + (uint64_t)py->at.ts_interp, &owner) || owner != interp) {
			walk->is_complete = false;
			break;
		}
		if (!thread_read(py, tstate, walk))
			walk->is_complete = false;
	}
	for (size_t i = first; i < walk->threads.n; i++) {
		walk->threads.at[i].holds_gil = walk->threads.at[i].tstate == holder;
		walk->threads.at[i].gil = gil;
		walk->threads.at[i].gil_end = gil != 0 ? gil + (uint64_t)py->at.gil_locked + GIL_TAIL : 0;
		is_nameless |= walk->threads.at[i].name == NULL;
	}
	if (is_nameless)
		names_from_active(py, interp, walk->threads.at + first, walk->threads.n - first);
}

/* ---- a thread that is in several interpreters ---- */

/* Where on the C stack its innermost evaluation is; 0 = not known. */
static uint64_t innermost_eval(const struct hd_py_thread *thread)
{
	for (uint32_t i = 0; i < thread->stack.n; i++) {
		if (thread->stack.at[i].eval_sp != 0)
			return thread->stack.at[i].eval_sp;
	}
	return 0;
}

/* It called code of one interpreter from another: one stack, by the name that it has in the outer one.  Newer interpreters
 * come first in the list, and as a rule they are the inner ones. */
static void thread_join(struct hd_python *py, struct hd_py_thread *first, const struct hd_py_thread *second)
{
	uint64_t a = innermost_eval(first), b = innermost_eval(second);
	bool is_second_inner = a != 0 && b != 0 && b < a;
	const struct hd_py_thread inner = is_second_inner ? *second : *first, outer = is_second_inner ? *first : *second;
	struct hd_stack stack = {.at = HD_NEW_N(py->arena, (size_t)inner.stack.n + outer.stack.n + 1, struct hd_frame),
				 .n = inner.stack.n + outer.stack.n,
				 .is_complete = inner.stack.is_complete && outer.stack.is_complete,
				 .is_partial = inner.stack.is_partial || outer.stack.is_partial};
	for (uint32_t i = 0; i < stack.n; i++)
		stack.at[i] = i < inner.stack.n ? inner.stack.at[i] : outer.stack.at[i - inner.stack.n];
	*first = inner;
	first->stack = stack;
	first->name = outer.name != NULL ? outer.name : inner.name;
	if (outer.holds_gil)
		*first = (struct hd_py_thread){outer.tstate, outer.thread_id, outer.native_tid, true, outer.gil, outer.gil_end,
					       first->name, stack};
}

static void threads_join(struct hd_python *py, struct walk *walk)
{
	size_t n = 0;
	for (size_t i = 0; i < walk->threads.n; i++) {
		size_t k = 0;
		while (k < n && walk->threads.at[k].thread_id != walk->threads.at[i].thread_id)
			k++;
		if (k < n)
			thread_join(py, &walk->threads.at[k], &walk->threads.at[i]);
		else
			walk->threads.at[n++] = walk->threads.at[i];
	}
	walk->threads.n = n;
}

int hd_python_threads(struct hd_python *py, struct hd_mem *mem, struct hd_arena *arena, struct hd_py_threads *ret)
{
	struct walk walk = {.is_complete = true};
	uint64_t interp;
	bool gc_running = false;
	hd_py_begin(py, mem, arena);
	if (py->n_codes > HD_PY_CODES_MAX / 2 || py->code_bytes > HD_PY_CODE_BYTES_MAX / 2)
		hd_py_code_free_all(py);
	if (!hd_py_u64(py, py->runtime + (uint64_t)py->at.rt_interpreters, &interp))
		return -EFAULT;
	uint32_t n = 0;
	for (; interp != 0 && n < INTERPRETERS_MAX; n++) {
		gc_running |= gc_is_running(py, interp);
		interp_read(py, interp, &walk);
		if (!hd_py_u64(py, interp + (uint64_t)py->at.interp_next, &interp)) {
			walk.is_complete = false;
			break;
		}
	}
	if (n > 1)
		threads_join(py, &walk);
	*ret = (struct hd_py_threads){
		.n = (uint32_t)walk.threads.n,
		.is_complete = walk.is_complete && n > 0 && n < INTERPRETERS_MAX,
		.gc_running = gc_running,
	};
	if (walk.threads.n != 0)
		ret->at = hd_arena_dup(arena, walk.threads.at, walk.threads.n * sizeof(*walk.threads.at));
	HD_VEC_RELEASE(&walk.threads);
	HD_VEC_RELEASE(&walk.frames);
	return 0;
}
