/* asyncio: all tasks of all loops, where each is suspended and what it awaits.
 *
 * Sources: Lib/asyncio/tasks.py (_all_tasks, from 3.12 on _scheduled_tasks and _eager_tasks), Modules/_asynciomodule.c (struct
 * TaskObj: task_fut_waiter, task_coro and task_name follow each other; the Python class has them as attributes; 3.14+: tasks
 * of the C class are in linked lists of their threads, of those of ended threads in their interpreter's, struct
 * Py_AsyncioModuleDebugOffsets), Include/internal/pycore_llist.h, Include/cpython/genobject.h, Objects/setobject.c,
 * Objects/weakrefobject.c. */
#include <errno.h>
#include <string.h>

#include "hangdog/vec.h"
#include "parse/py_elf.h"
#include "parse/py_reader.h"

#define TASKS_MAX 4096u
#define SET_SLOTS_MAX 16384u
#define CHAIN_MAX 64u
#define TASK_WORDS 40u /* of a C task that are searched for its coroutine */
#define INTERPRETERS_MAX 256u
#define OFFSET_MAX (1u << 20)

static bool type_is(struct hd_python *py, uint64_t object, const char *name)
{
	char type[32];
	if (object == 0 || object % 8 != 0)
		return false;
	hd_py_type_name(py, object, type, sizeof(type));
	return strcmp(type, name) == 0;
}

static bool is_coroutine(struct hd_python *py, uint64_t object)
{
	return type_is(py, object, "coroutine") || type_is(py, object, "generator") || type_is(py, object, "async_generator");
}

static bool is_none(struct hd_python *py, uint64_t object)
{
	return object == 0 || hd_py_type_of(py, object) == HD_PY_NULLTYPE;
}

/* ---- one task ---- */

struct task_words {
	uint64_t waiter, coroutine, name;
};

static bool task_read(struct hd_python *py, uint64_t task, struct task_words *ret)
{
	uint64_t own = task + (uint64_t)py->at.object, coroutine = hd_py_attr(py, task, "_coro");
	if (coroutine != 0) { /* the Python class */
		*ret = (struct task_words){hd_py_attr(py, task, "_fut_waiter"), coroutine, hd_py_attr(py, task, "_name")};
		return true;
	}
	for (uint64_t i = 1; i < TASK_WORDS; i++) {
		if (!hd_py_u64(py, own + 8 * i, &coroutine) || !is_coroutine(py, coroutine))
			continue;
		ret->coroutine = coroutine;
		return hd_py_u64(py, own + 8 * (i - 1), &ret->waiter) && hd_py_u64(py, own + 8 * (i + 1), &ret->name);
	}
	return false; /* done: it has none any more */
}

static bool frame_of(struct hd_python *py, uint64_t coroutine, uint64_t *ret)
{
	uint64_t at = coroutine + (uint64_t)py->at.gen_frame;
	if (py->at.minor <= 10)
		return hd_py_u64(py, at, ret) && *ret != 0;
	*ret = at;
	return true;
}

/* How many value stack slots of a suspended frame are in use; up to 3.10 nobody says: all that there may be. */
static uint32_t slots_in_use(struct hd_python *py, const struct hd_py_words *words)
{
	uint64_t end;
	int32_t known;
	int64_t n = words->n_stack;
	if (py->at.fr_stackpointer != HD_PY_NONE)
		n = hd_py_u64(py, words->frame + (uint64_t)py->at.fr_stackpointer, &end) && end > words->stack
			    ? (int64_t)((end - words->stack) / 8) : 0;
	else if (py->at.fr_stacktop != HD_PY_NONE && hd_py_i32(py, words->frame + (uint64_t)py->at.fr_stacktop, &known))
		n = known - (int64_t)words->n_locals;
	return n > 0 && n <= words->n_stack ? (uint32_t)n : 0;
}

/* What stands on top of a suspended frame's value stack: the object that it awaits. */
static uint64_t awaited_by(struct hd_python *py, const struct hd_py_words *words)
{
	for (uint32_t i = slots_in_use(py, words); i > 0; i--) {
		uint64_t slot = hd_py_word(py, words->stack, i - 1);
		if (is_coroutine(py, slot) || type_is(py, slot, "coroutine_wrapper") || type_is(py, slot, "FutureIter"))
			return slot;
	}
	return 0;
}

/* The frames of a task, innermost first. */
static void chain_read(struct hd_python *py, uint64_t coroutine, struct hd_py_task *task)
{
	struct hd_frame frames[CHAIN_MAX];
	uint32_t n = 0;
	while (n < CHAIN_MAX && coroutine != 0) {
		uint64_t frame;
		struct hd_py_place place;
		struct hd_py_words words;
		if (type_is(py, coroutine, "coroutine_wrapper") && !hd_py_u64(py, coroutine + (uint64_t)py->at.object, &coroutine))
			break;
		if (!is_coroutine(py, coroutine) || !frame_of(py, coroutine, &frame) || !hd_py_place_read(py, frame, &place) ||
		    !hd_py_frame_fill(py, &place, &frames[n]))
			break;
		n++;
		if (!hd_py_words_open(py, &frames[n - 1], &words))
			break;
		coroutine = awaited_by(py, &words);
	}
	task->stack = (struct hd_stack){.at = HD_NEW_N(py->arena, (size_t)n + 1, struct hd_frame), .n = n, .is_complete = n < CHAIN_MAX};
	for (uint32_t i = 0; i < n; i++)
		/* cppcheck-suppress uninitvar ; the first n are filled */
		task->stack.at[i] = frames[n - 1 - i];
}

static const char *name_text(struct hd_python *py, uint64_t name)
{
	uint64_t number;
	HD_CLEAN_PTR char *text = name != 0 ? hd_py_str(py, name) : NULL;
	if (text != NULL)
		return hd_arena_str(py->arena, text);
	if (name != 0 && hd_py_int(py, name, &number)) /* made a text only when it is asked for */
		return hd_arena_printf(py->arena, "Task-%lu", (unsigned long)number);
	return NULL;
}

/* "task Task-2", "the 3 tasks or futures of a gather()", "a Future". */
static const char *waiter_text(struct hd_python *py, uint64_t waiter)
{
	struct task_words words;
	char type[48];
	if (is_none(py, waiter))
		return NULL;
	hd_py_type_name(py, waiter, type, sizeof(type));
	if (strcmp(type, "_GatheringFuture") == 0) {
		struct hd_py_kids kids;
		uint64_t children = hd_py_attr(py, waiter, "_children");
		hd_py_kids_open(py, children, &kids);
		return hd_arena_printf(py->arena, "a gather() of %u", children != 0 ? kids.n : 0);
	}
	if (strstr(type, "Task") != NULL && task_read(py, waiter, &words)) {
		const char *name = name_text(py, words.name);
		return hd_arena_printf(py->arena, "task %s", name != NULL ? name : "?");
	}
	HD_CLEAN_BUF struct hd_buf safe = {0};
	hd_buf_str(&safe, "a ");
	const char *dot = strrchr(type, '.'); /* _asyncio.Future */
	hd_buf_safe(&safe, dot != NULL ? dot + 1 : type);
	return hd_arena_str(py->arena, hd_buf_text(&safe));
}

/* ---- all tasks ---- */

struct list {
	HD_VEC(struct hd_py_task) tasks;
	bool is_complete;
};

static void task_add(struct hd_python *py, uint64_t object, struct list *list)
{
	struct task_words words;
	struct hd_py_task task = {.addr = object};
	if (list->tasks.n >= TASKS_MAX) {
		list->is_complete = false;
		return;
	}
	for (size_t i = 0; i < list->tasks.n; i++) {
		if (list->tasks.at[i].addr == object)
			return;
	}
	if (!task_read(py, object, &words) || words.coroutine == 0)
		return;
	task.name = name_text(py, words.name);
	task.awaits = waiter_text(py, words.waiter);
	chain_read(py, words.coroutine, &task);
	if (task.stack.n > 0)
		HD_VEC_PUSH(&list->tasks, task);
}

/* PySetObject: fill, used, mask, table of {key, hash}; a WeakSet's `data` holds weak references (wr_object comes first). */
static void set_read(struct hd_python *py, uint64_t set, bool is_weak, struct list *list)
{
	uint64_t own = set + (uint64_t)py->at.object, mask, table;
	if (!type_is(py, set, "set") || !hd_py_u64(py, own + 16, &mask) || !hd_py_u64(py, own + 24, &table))
		return;
	list->is_complete &= mask < SET_SLOTS_MAX;
	for (uint64_t i = 0; i <= mask && i < SET_SLOTS_MAX; i++) {
		uint64_t key;
		if (!hd_py_u64(py, table + 16 * i, &key) || key == 0 || key % 8 != 0)
			continue;
		if (is_weak && (!hd_py_u64(py, key + (uint64_t)py->at.object, &key) || key == 0))
			continue;
		if (!is_none(py, key))
			task_add(py, key, list);
	}
}

/* Task-2 before Task-10; a set has no order of its own. */
static int by_name(const void *a, const void *b)
{
	const struct hd_py_task *x = a, *y = b;
	const char *p = x->name != NULL ? x->name : "", *q = y->name != NULL ? y->name : "";
	size_t m = strlen(p), n = strlen(q);
	if (m != n)
		return m < n ? -1 : 1;
	int order = strcmp(p, q);
	return order != 0 ? order : (x->addr > y->addr) - (x->addr < y->addr);
}

/* ---- 3.14+: linked lists ---- */

/* Py_AsyncioModuleDebugOffsets: of a task, an interpreter and a thread state; each part begins with its size. */
enum { TOLD_TASK_NODE = 6, TOLD_INTERP_TASKS = 8, TOLD_THREAD_TASKS = 12, TOLD_WORDS };

/* In the file of the _asyncio module, or of the interpreter where that is built in. */
static bool told_find(struct hd_python *py, const struct hd_maps *maps, struct hd_elf_port *port, uint64_t *ret)
{
	const struct hd_map *home = hd_maps_find(maps, py->runtime);
	struct hd_py_elf elf;
	for (size_t i = 0; i < maps->n; i++) {
		const char *slash = strrchr(maps->at[i].path, '/');
		bool is_home = home != NULL && strcmp(home->path, maps->at[i].path) == 0;
		if (slash != NULL && maps->at[i].offset == 0 && (is_home || strncmp(slash + 1, "_asyncio.", 9) == 0) &&
		    hd_py_elf_open(py->mem, port, &maps->at[i], &elf) == 0 &&
		    hd_py_elf_file(&elf, "_AsyncioDebug", ".AsyncioDebug", ret))
			return true;
	}
	return false;
}

static void told_take(struct hd_python *py, const struct hd_maps *maps, struct hd_elf_port *port)
{
	uint64_t addr, told[TOLD_WORDS];
	if (maps == NULL || port == NULL || !told_find(py, maps, port, &addr) || !hd_py_read(py, addr, told, sizeof(told)))
		return;
	for (size_t i = 0; i < TOLD_WORDS; i++) {
		if (told[i] > OFFSET_MAX)
			return;
	}
	py->at.task_node = (int32_t)told[TOLD_TASK_NODE];
	py->at.interp_tasks = (int32_t)told[TOLD_INTERP_TASKS];
	py->at.ts_tasks = (int32_t)told[TOLD_THREAD_TASKS];
}

/* A ring of {next, prev} through its head; a ring that does not agree with itself is none, or is being changed. */
static void ring_read(struct hd_python *py, uint64_t head, struct list *list)
{
	uint64_t node[2], at = head, next;
	if (!hd_py_u64(py, head, &next)) {
		list->is_complete = false;
		return;
	}
	for (unsigned n = 0; next != head && next != 0; n++) { /* 0: a head that was never used */
		if (n >= TASKS_MAX || next % 8 != 0 || !hd_py_read(py, next, node, sizeof(node)) || node[1] != at) {
			list->is_complete = false;
			return;
		}
		task_add(py, next - (uint64_t)py->at.task_node, list);
		at = next;
		next = node[0];
	}
}

static void rings_read(struct hd_python *py, uint64_t interp, struct list *list)
{
	uint64_t tstate;
	ring_read(py, interp + (uint64_t)py->at.interp_tasks, list);
	if (!hd_py_u64(py, interp + (uint64_t)py->at.interp_threads, &tstate))
		tstate = 0;
	for (unsigned n = 0; tstate != 0 && n < HD_PY_THREADS_MAX; n++) {
		ring_read(py, tstate + (uint64_t)py->at.ts_tasks, list);
		if (!hd_py_u64(py, tstate + (uint64_t)py->at.ts_next, &tstate))
			tstate = 0;
	}
}

/* The sets that asyncio keeps in Python; from 3.14 on only tasks of other classes than its own are in there. */
static void sets_read(struct hd_python *py, uint64_t dict, struct list *list)
{
	struct hd_py_entries globals;
	if (!hd_py_dict_open(py, dict, &globals))
		return;
	uint64_t weak = hd_py_entry_find(py, &globals, py->at.minor >= 12 ? "_scheduled_tasks" : "_all_tasks");
	uint64_t eager = py->at.minor >= 12 ? hd_py_entry_find(py, &globals, "_eager_tasks") : 0;
	if (weak != 0)
		set_read(py, hd_py_attr(py, weak, "data"), /* is_weak= */ true, list);
	if (eager != 0)
		set_read(py, eager, /* is_weak= */ false, list);
}

/* False: asyncio was not imported there. */
static bool interp_tasks_read(struct hd_python *py, uint64_t interp, struct list *list)
{
	uint64_t dict = hd_py_module_globals(py, interp, "asyncio.tasks");
	if (dict == 0)
		return false;
	sets_read(py, dict, list);
	if (py->at.minor >= 14 && py->at.task_node != HD_PY_NONE)
		rings_read(py, interp, list);
	return true;
}

int hd_python_tasks(struct hd_python *py, struct hd_mem *mem, const struct hd_maps *maps, struct hd_elf_port *elf,
		    struct hd_arena *arena, struct hd_py_tasks *ret)
{
	struct list list = {.is_complete = true};
	uint64_t interp;
	bool is_imported = false;
	hd_py_begin(py, mem, arena);
	if (py->at.minor >= 14)
		told_take(py, maps, elf);
	if (!hd_py_u64(py, py->runtime + (uint64_t)py->at.rt_interpreters, &interp))
		return -EFAULT;
	for (unsigned n = 0; interp != 0 && n < INTERPRETERS_MAX; n++) {
		is_imported |= interp_tasks_read(py, interp, &list);
		if (!hd_py_u64(py, interp + (uint64_t)py->at.interp_next, &interp))
			break;
	}
	if (!is_imported)
		return -ENOENT;
	if (py->at.minor >= 14 && py->at.task_node == HD_PY_NONE)
		list.is_complete = false;
	if (list.tasks.n > 0)
		qsort(list.tasks.at, list.tasks.n, sizeof(*list.tasks.at), by_name);
	*ret = (struct hd_py_tasks){.at = hd_arena_dup(arena, list.tasks.at, list.tasks.n * sizeof(*list.tasks.at)),
				    .n = (uint32_t)list.tasks.n, .is_complete = list.is_complete};
	HD_VEC_RELEASE(&list.tasks);
	return 0;
}
