/* Real interpreters, read from outside, against what they say about themselves.
 * covers: py_find.c py_walk.c py_frame.c py_code.c py_async.c py_kids.c py_target.c py_name.c py_holder.c py_user.c py_objects.c py_repr.c py_memory.c py_dead.c */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "hangdog/merge.h"
#include "hangdog/procfs.h"
#include "hangdog/python.h"
#include "hangdog/unwind.h"

#include "../lib/rand.h"

#define INTERPRETERS_MAX 32

struct interpreters {
	char path[INTERPRETERS_MAX][640];
	unsigned n;
};

static void interpreter_add(struct interpreters *list, const char *path)
{
	if (list->n < INTERPRETERS_MAX && access(path, X_OK) == 0)
		snprintf(list->path[list->n++], sizeof(list->path[0]), "%s", path);
}

/* Every CPython from 3.8 on that is installed here: the system's and pyenv's.  More (chroots, builds of one's own) can
 * be named in HD_PYTHONS, separated by colons. */
static void interpreters_find(struct interpreters *ret)
{
	char root[256], path[600], more[4096], *rest = NULL;
	ret->n = 0;
	snprintf(more, sizeof(more), "%s", getenv("HD_PYTHONS") != NULL ? getenv("HD_PYTHONS") : "");
	for (char *word = strtok_r(more, ":", &rest); word != NULL; word = strtok_r(NULL, ":", &rest))
		interpreter_add(ret, word);
	interpreter_add(ret, "/usr/bin/python3");
	snprintf(root, sizeof(root), "%s/.pyenv/versions", getenv("HOME") != NULL ? getenv("HOME") : "");
	DIR *dir = opendir(root);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		unsigned minor;
		if (sscanf(e->d_name, "3.%u.", &minor) != 1 || minor < 8)
			continue;
		snprintf(path, sizeof(path), "%s/%s/bin/python3", root, e->d_name);
		interpreter_add(ret, path);
	}
	if (dir != NULL)
		closedir(dir);
}

static void each_interpreter(void (*check)(const char *interpreter))
{
	struct interpreters list;
	interpreters_find(&list);
	for (unsigned i = 0; i < list.n; i++)
		check(list.path[i]);
}

struct fixture {
	pid_t pid;
	int in;    /* its stdin: closing it ends it */
	FILE *out; /* its stdout */
	struct hd_mem_live live;
	struct hd_elf_live elf;
	struct hd_maps maps;
	struct hd_arena *arena;
	struct hd_python *py;
};

static void fixture_start(struct fixture *f, const char *interpreter, const char *script, const char *arg)
{
	int in[2], out[2];
	cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	f->pid = fork();
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(interpreter, interpreter, "-W", "ignore", script, arg, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	f->in = in[1];
	f->out = fdopen(out[0], "r");
	f->arena = hd_arena_new();
	f->py = NULL;
}

static json_t *fixture_line(struct fixture *f)
{
	json_error_t error;
	char *line = NULL;
	size_t cap = 0;
	cr_assert(getline(&line, &cap, f->out) > 0, "the fixture printed nothing");
	json_t *json = json_loads(line, 0, &error);
	cr_assert_not_null(json, "%s: %s", error.text, line);
	free(line);
	return json;
}

static void fixture_open(struct fixture *f, pid_t pid)
{
	cr_assert_eq(hd_mem_live_open(&f->live, pid), 0);
	hd_elf_live_init(&f->elf, pid);
	cr_assert_eq(hd_procfs_maps(pid, f->arena, &f->maps), 0);
	cr_assert_eq(hd_python_find(&f->live.mem, &f->maps, &f->elf.port, &f->py), 0, "no interpreter found in %d", pid);
}

static void fixture_stop(struct fixture *f)
{
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	close(f->in);
	fclose(f->out);
	hd_mem_live_close(&f->live);
	hd_elf_live_close(&f->elf);
	hd_python_free(f->py);
	hd_arena_free(f->arena);
}

static const struct hd_py_thread *thread_by_ident(const struct hd_py_threads *threads, uint64_t ident)
{
	for (uint32_t i = 0; i < threads->n; i++) {
		if (threads->at[i].thread_id == ident)
			return &threads->at[i];
	}
	return NULL;
}

static void stack_compare(const char *version, const struct hd_py_thread *thread, json_t *truth)
{
	json_t *frames = json_object_get(truth, "frames");
	cr_expect_str_eq(thread->name, json_string_value(json_object_get(truth, "name")), "%s", version);
	cr_expect_eq(thread->native_tid, json_integer_value(json_object_get(truth, "tid")), "%s: %s has tid %d", version,
		     thread->name, thread->native_tid);
	cr_expect(thread->stack.is_complete, "%s: stack of %s is not complete", version, thread->name);
	cr_assert_eq(thread->stack.n, json_array_size(frames), "%s: %s has %u frames, not %zu", version, thread->name,
		     thread->stack.n, json_array_size(frames));
	for (uint32_t i = 0; i < thread->stack.n; i++) {
		const struct hd_frame *frame = &thread->stack.at[i];
		json_t *want = json_array_get(frames, i);
		cr_expect_str_eq(frame->file, json_string_value(json_array_get(want, 0)), "%s", version);
		cr_expect_str_eq(frame->function, json_string_value(json_array_get(want, 1)), "%s", version);
		cr_expect_eq(frame->line, json_integer_value(json_array_get(want, 2)), "%s: %s %s: line %d, not %lld",
			     version, thread->name, frame->function, frame->line,
			     json_integer_value(json_array_get(want, 2)));
		cr_expect_eq(frame->kind, HD_FRAME_PYTHON);
	}
}

/* Waits until a thread is in futex(2) without a time limit (with one, it asks for the interpreter lock): how it stands there. */
static struct hd_regs futex_regs(int32_t tid, uint64_t *ret_addr)
{
	char path[64], text[256];
	unsigned long addr, limit, sp, pc;
	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	for (;;) {
		FILE *file = fopen(path, "re");
		cr_assert_not_null(file, "%d is gone", tid);
		text[0] = '\0';
		bool is_in_futex = fgets(text, sizeof(text), file) != NULL &&
				   sscanf(text, "202 0x%lx %*s %*s 0x%lx %*s %*s 0x%lx 0x%lx", &addr, &limit, &sp, &pc) == 4 && limit == 0;
		fclose(file);
		cr_assert(strncmp(text, "-1 0x0 0x0", 10) != 0 && text[0] != '\0', "%d has ended", tid);
		if (is_in_futex) {
			*ret_addr = addr;
			return (struct hd_regs){.sp = sp, .pc = pc};
		}
		usleep(1000);
	}
}

/* Native and Python together: every Python frame finds its place, no evaluation call is left over. */
static void merge_check(struct fixture *f, struct hd_unwinder *unwinder, const struct hd_py_thread *thread)
{
	struct hd_unwind_query query = {.pid = f->pid, .maps = &f->maps, .mem = &f->live.mem, .frames_max = 4096};
	struct hd_stack native;
	uint64_t addr;
	uint32_t next = 0;
	const char *version = hd_python_version(f->py);
	query.regs = futex_regs(thread->native_tid, &addr);
	hd_unwind(unwinder, &query, f->arena, &native);
	cr_assert(native.is_complete, "%s: the native stack of %s ends early", version, thread->name);
	struct hd_stack merged = hd_stack_merge(&native, &thread->stack, f->arena);
	for (uint32_t i = 0; i < merged.n; i++) {
		const struct hd_frame *frame = &merged.at[i];
		if (frame->kind == HD_FRAME_PYTHON)
			cr_expect_str_eq(frame->function, thread->stack.at[next++].function);
		else
			cr_expect(frame->function == NULL || strstr(frame->function, "_PyEval_EvalFrameDefault") == NULL,
				  "%s: %s keeps a native evaluation call", version, thread->name);
	}
	cr_expect_eq(next, thread->stack.n);
	cr_expect_eq(merged.at[merged.n - 1].kind, HD_FRAME_NATIVE, "%s: Python frames of %s found no place", version,
		     thread->name);
}

static void truth_check(const char *interpreter)
{
	struct fixture f;
	struct hd_py_threads threads;
	const char *ident;
	json_t *truth;
	struct hd_unwinder *unwinder = hd_unwinder_new();
	fixture_start(&f, interpreter, "tests/lib/python_truth.py", NULL);
	json_t *line = fixture_line(&f);
	fixture_open(&f, f.pid);
	cr_assert_eq(hd_python_threads(f.py, &f.live.mem, f.arena, &threads), 0);
	json_t *all = json_object_get(line, "threads");
	const char *version = hd_python_version(f.py);
	cr_expect(threads.is_complete, "%s", version);
	for (uint32_t i = 0; i < threads.n; i++)
		cr_expect_not(threads.at[i].holds_gil, "%s: everybody waits", version);
	cr_assert_eq(threads.n, json_object_size(all) + 1, "%s: %u threads", version, threads.n);
	json_object_foreach(all, ident, truth)
	{
		const struct hd_py_thread *thread = thread_by_ident(&threads, strtoull(ident, NULL, 10));
		cr_assert_not_null(thread, "%s: thread %s not found", version, ident);
		stack_compare(version, thread, truth);
		merge_check(&f, unwinder, thread);
	}
	json_decref(line);
	hd_unwinder_free(unwinder);
	fixture_stop(&f);
}

static void threads_check(struct fixture *f, json_t *all)
{
	struct hd_py_threads threads;
	const char *ident;
	json_t *truth;
	cr_assert_eq(hd_python_threads(f->py, &f->live.mem, f->arena, &threads), 0);
	json_object_foreach(all, ident, truth)
	{
		const struct hd_py_thread *thread = thread_by_ident(&threads, strtoull(ident, NULL, 10));
		cr_assert_not_null(thread, "thread %s not found", ident);
		stack_compare(hd_python_version(f->py), thread, truth);
	}
}

/* Two copies of one program have equal addresses all over, and different threads behind them. */
Test(python, two_interpreters_that_share_a_cache_are_not_mistaken_for_each_other, .timeout = 60)
{
	struct interpreters list;
	struct fixture f[2];
	json_t *line[2];
	struct hd_python_cache *cache = hd_python_cache_new();
	interpreters_find(&list);
	if (list.n == 0)
		cr_skip_test("no CPython is installed");
	personality(ADDR_NO_RANDOMIZE);
	for (int i = 0; i < 2; i++) {
		fixture_start(&f[i], list.path[0], "tests/lib/python_truth.py", NULL);
		line[i] = fixture_line(&f[i]);
		fixture_open(&f[i], f[i].pid);
		threads_check(&f[i], json_object_get(line[i], "threads")); /* with a cache of its own before */
		hd_python_lend(f[i].py, cache);
	}
	for (int turn = 0; turn < 6; turn++)
		threads_check(&f[turn % 2], json_object_get(line[turn % 2], "threads"));
	for (int i = 0; i < 2; i++) {
		json_decref(line[i]);
		fixture_stop(&f[i]);
	}
	hd_python_cache_free(cache);
}

Test(python, every_frame_of_every_interpreter_is_what_it_says_itself, .timeout = 120)
{
	struct interpreters list;
	interpreters_find(&list);
	for (unsigned i = 0; i < list.n; i++)
		truth_check(list.path[i]);
	cr_log_info("%u interpreters compared", list.n);
	cr_expect(list.n > 0, "no CPython here: nothing was tested");
}

/* ---- locks ---- */

static const struct lock_case {
	const char *name, *want;
	bool has_holder; /* false: an explicit acquire of a plain Lock leaves nothing behind */
} lock_cases[] = {
	{"global", "cache_lock (in python_locks.py)", true},
	{"attribute", "self._lock of Pool (in python_locks.py)", true},
	{"rlock", "self._rlock of Pool (in python_locks.py)", true},
	{"condition", "self._condition._lock of Condition (in python_locks.py)", true},
	{"queue", "self.jobs.mutex of Queue (in python_locks.py)", true},
	{"item", "registry['jobs'] (in python_locks.py)", true},
	{"acquire", "cache_lock (in python_locks.py)", false},
	{"closure", "guard (in python_locks.py)", true},
	{"wrapped", "self.inner of Wrapper (in python_locks.py)", true},
	{"import", "the import lock of module hd_slow_module", true},
	{"beside", "cache_lock (in python_locks.py)", true},
	{"stream", "log.buffer of _io.TextIOWrapper (in python_locks.py)", true},
	{"event", "started._cond of Event (in python_locks.py)", false},
	{"job", "self.not_empty of Queue (in queue.py)", false},
};

/* The same thread, found in the child without knowing anything but where its stack was. */
static void dead_check(struct fixture *f, struct hd_mem *child, const struct hd_py_thread *want)
{
	struct hd_py_thread got;
	unsigned minor = 0;
	const char *version = hd_python_version(f->py);
	sscanf(version, "3.%u", &minor);
	int r = hd_python_dead_thread(f->py, child, want->thread_id, f->arena, &got);
	cr_expect(r == 0 || minor >= 13, "%s: the dead thread is not found", version);
	if (r < 0)
		return;
	cr_expect_str_eq(got.name, want->name);
	cr_expect_eq(got.native_tid, want->native_tid, "%s: tid %d", version, got.native_tid);
	cr_assert_eq(got.stack.n, want->stack.n, "%s", version);
	for (uint32_t i = 0; i < got.stack.n; i++) {
		cr_expect_str_eq(got.stack.at[i].function, want->stack.at[i].function);
		cr_expect_eq(got.stack.at[i].line, want->stack.at[i].line);
	}
}

/* The parent's threads stand where they stood at the fork: what a reader at the birth would have seen. */
static void lock_check(const char *interpreter, const struct lock_case *c)
{
	struct fixture f;
	struct hd_mem_live child;
	struct hd_py_threads birth, now;
	fixture_start(&f, interpreter, "tests/lib/python_locks.py", c->name);
	json_t *line = fixture_line(&f);
	pid_t pid = (pid_t)json_integer_value(json_object_get(line, "child"));
	uint64_t holder = (uint64_t)json_integer_value(json_object_get(line, "holder"));
	uint64_t waiter = (uint64_t)json_integer_value(json_object_get(line, "waiter"));
	uint64_t futex_addr;
	futex_regs(pid, &futex_addr);
	fixture_open(&f, f.pid);
	cr_assert_eq(hd_mem_live_open(&child, pid), 0);
	cr_assert_eq(hd_python_threads(f.py, &f.live.mem, f.arena, &birth), 0);
	cr_assert_eq(hd_python_threads(f.py, &child.mem, f.arena, &now), 0);
	cr_assert_eq(now.n, 1, "only the forking thread lives in the child");
	cr_expect_eq(now.at[0].thread_id, waiter);
	const char *name = hd_python_lock_name(f.py, &child.mem, futex_addr, &now.at[0], f.arena);
	cr_expect_str_eq(name != NULL ? name : "(none)", c->want, "%s %s: %s", hd_python_version(f.py), c->name,
			 name != NULL ? name : "(none)");
	int at = hd_python_lock_holder(f.py, &child.mem, futex_addr, &birth);
	cr_expect_eq(at >= 0, c->has_holder, "%s %s: holder %d", hd_python_version(f.py), c->name, at);
	if (at >= 0)
		cr_expect_eq(birth.at[at].thread_id, holder, "%s %s: %s", hd_python_version(f.py), c->name,
			     birth.at[at].name);
	dead_check(&f, &child.mem, thread_by_ident(&birth, holder));
	hd_mem_live_close(&child);
	json_decref(line);
	kill(pid, SIGKILL);
	fixture_stop(&f);
}

Test(python, an_inherited_lock_has_a_name_and_a_holder, .timeout = 240)
{
	struct interpreters list;
	interpreters_find(&list);
	for (unsigned i = 0; i < list.n; i++) {
		for (size_t k = 0; k < HD_COUNTOF(lock_cases); k++)
			lock_check(list.path[i], &lock_cases[k]);
	}
}

/* Text of a file of the tests: interpreters in a chroot do not find it by its name. */
static char *text_read(const char *path)
{
	static char text[16384];
	FILE *file = fopen(path, "re");
	cr_assert_not_null(file, "%s", path);
	size_t n = fread(text, 1, sizeof(text) - 1, file);
	cr_assert(n > 0 && n < sizeof(text) - 1, "%s", path);
	text[n] = '\0';
	fclose(file);
	return text;
}

static void users_check(const char *interpreter)
{
	struct fixture f;
	struct hd_py_threads threads;
	const char *name;
	json_t *want;
	fixture_start(&f, interpreter, "-c", text_read("tests/lib/python_users.py"));
	json_t *line = fixture_line(&f);
	fixture_open(&f, f.pid);
	const char *version = hd_python_version(f.py);
	cr_expect_eq(json_object_size(line), 8);
	json_object_foreach(line, name, want)
	{
		uint64_t addr;
		json_t *user = json_object_get(want, "user");
		futex_regs((int32_t)json_integer_value(json_object_get(want, "waiter")), &addr);
		cr_assert_eq(hd_python_threads(f.py, &f.live.mem, f.arena, &threads), 0);
		int at = hd_python_lock_user(f.py, &f.live.mem, addr, &threads);
		cr_expect_eq(at >= 0, !json_is_null(user), "%s %s: %d", version, name, at);
		if (at >= 0 && !json_is_null(user))
			cr_expect_eq(threads.at[at].thread_id, (uint64_t)json_integer_value(user), "%s %s: %s", version, name,
				     threads.at[at].name);
	}
	json_decref(line);
	fixture_stop(&f);
}

Test(python, who_stands_between_acquire_and_release_is_guessed_only_where_it_is_one, .timeout = 120)
{
	each_interpreter(users_check);
}

/* ---- states ---- */

static void state_start(struct fixture *f, const char *interpreter, const char *state, struct hd_py_threads *ret)
{
	fixture_start(f, interpreter, "tests/lib/python_small.py", state);
	json_decref(fixture_line(f));
	fixture_open(f, f->pid);
	if (strcmp(state, "spin") != 0) {
		uint64_t addr;
		futex_regs(f->pid, &addr);
	}
	cr_assert_eq(hd_python_threads(f->py, &f->live.mem, f->arena, ret), 0);
	cr_assert_eq(ret->n, 1);
	cr_expect_str_eq(ret->at[0].name, "MainThread");
}

static void states_check(const char *interpreter)
{
	struct fixture f;
	struct hd_py_threads threads;
	state_start(&f, interpreter, "spin", &threads);
	/* Without the lock it is still about to leave the print call; the test's time limit ends a wait in vain. */
	while (!threads.at[0].holds_gil && !hd_python_is_free_threaded(f.py))
		cr_assert_eq(hd_python_threads(f.py, &f.live.mem, f.arena, &threads), 0);
	cr_expect(threads.at[0].holds_gil != hd_python_is_free_threaded(f.py), "%s", hd_python_version(f.py));
	cr_expect_not(threads.gc_running);
	fixture_stop(&f);
	state_start(&f, interpreter, "collect", &threads);
	cr_expect_not(threads.at[0].holds_gil, "%s: waits for a lock", hd_python_version(f.py));
	cr_expect(threads.gc_running, "%s", hd_python_version(f.py));
	fixture_stop(&f);
}

Test(python, the_interpreter_lock_s_holder_and_a_running_collection_are_seen, .timeout = 60)
{
	each_interpreter(states_check);
}

static const char *const locals_wanted[] = {
	"number=42", "rest=(9)", "named={'key': 'value'}", "negative=-12345678901", "large=<large int>", "nothing=None",
	"yes=True", "share=0.5", "wide='\xd1\x84\xd0\xb0\xd0\xb9\xd0\xbb?'", "items=[1, 2, 3, 4, ...]",
	"nested=((1, (...)), 'a')", "table={'k': [1], 2: None}", "empty=[]", "captured=7",
};

static bool has_text(const char *const *texts, uint32_t n, const char *want, size_t len)
{
	for (uint32_t i = 0; i < n; i++) {
		if (strncmp(texts[i], want, len) == 0)
			return true;
	}
	return false;
}

static void locals_check(const char *interpreter)
{
	struct fixture f;
	struct hd_py_threads threads;
	const char *const *texts;
	uint32_t n;
	state_start(&f, interpreter, "locals", &threads);
	const char *version = hd_python_version(f.py);
	cr_assert_eq(hd_python_locals(f.py, &f.live.mem, &threads.at[0], 0, f.arena, &texts, &n), 0);
	for (size_t i = 0; i < HD_COUNTOF(locals_wanted); i++)
		cr_expect(has_text(texts, n, locals_wanted[i], strlen(locals_wanted[i]) + 1), "%s: no %s", version,
			  locals_wanted[i]);
	cr_expect(has_text(texts, n, "text='it's xxxxx", 16), "%s", version);
	cr_expect(has_text(texts, n, "where=<_thread.lock at 0x", 25), "%s", version);
	cr_expect_not(has_text(texts, n, "unset=", 6), "%s: a deleted variable has no value", version);
	cr_expect_eq(hd_python_locals(f.py, &f.live.mem, &threads.at[0], threads.at[0].stack.n, f.arena, &texts, &n), -EINVAL);
	fixture_stop(&f);
}

Test(python, locals_are_written_out_without_calling_anything, .timeout = 60)
{
	each_interpreter(locals_check);
}

/* ---- memory that changes while it is read ---- */

struct noisy {
	struct hd_mem mem; /* first */
	struct hd_mem *under;
	struct tr rand;
};

/* What is read is right but for a few bytes, or a word that belongs elsewhere, as in a program that runs on. */
static int noisy_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	struct noisy *noisy = (struct noisy *)mem;
	uint8_t *bytes = buf;
	int r = hd_mem_read(noisy->under, addr, buf, len);
	for (uint32_t n = r == 0 && len > 0 ? tr_below(&noisy->rand, 4) : 0; n > 0; n--) {
		uint32_t at = tr_below(&noisy->rand, (uint32_t)len), from = tr_below(&noisy->rand, (uint32_t)len);
		if (len < 16 || tr_one_in(&noisy->rand, 2))
			bytes[at] ^= (uint8_t)(1u << tr_below(&noisy->rand, 8));
		else
			memmove(&bytes[at / 2 & ~7u], &bytes[from / 2 & ~7u], 8);
	}
	return r;
}

static void noisy_ask(struct fixture *f, struct hd_python *py, struct noisy *noisy)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_py_threads threads;
	struct hd_py_helds helds;
	struct hd_py_tasks tasks;
	struct hd_py_thread dead;
	const char *const *texts;
	uint32_t n;
	if (hd_python_threads(py, &noisy->mem, arena, &threads) == 0) {
		for (uint32_t i = 0; i < threads.n && i < 4; i++) {
			const struct hd_py_thread *t = &threads.at[i];
			(void)hd_python_lock_name(py, &noisy->mem, t->thread_id, t, arena);
			(void)hd_python_locks_held(py, &noisy->mem, t, arena);
			if (t->stack.n > 0 && hd_python_locals(py, &noisy->mem, t, 0, arena, &texts, &n) == 0)
				cr_expect_leq(n, 64);
			if (hd_python_dead_thread(py, &noisy->mem, t->thread_id, arena, &dead) == 0)
				cr_expect_gt(dead.stack.n, 0);
		}
		hd_python_helds(py, &noisy->mem, &threads, arena, &helds);
		cr_expect_lt(hd_python_lock_holder(py, &noisy->mem, f->maps.at[0].start, &threads), (int)threads.n);
	}
	if (hd_python_tasks(py, &noisy->mem, &f->maps, &f->elf.port, arena, &tasks) == 0)
		cr_expect_leq(tasks.n, 4096);
	hd_arena_free(arena);
}

static void noise_check(const char *interpreter, unsigned rounds)
{
	struct fixture f;
	fixture_start(&f, interpreter, "tests/lib/python_truth.py", NULL);
	json_decref(fixture_line(&f));
	fixture_open(&f, f.pid);
	struct noisy noisy = {.mem.read = noisy_read, .under = &f.live.mem};
	for (unsigned seed = 1; seed <= rounds; seed++) {
		struct hd_python *found;
		noisy.rand.state = seed;
		noisy_ask(&f, f.py, &noisy);
		if (hd_python_find(&noisy.mem, &f.maps, &f.elf.port, &found) < 0)
			continue;
		noisy_ask(&f, found, &noisy);
		hd_python_free(found);
	}
	fixture_stop(&f);
}

Test(python, memory_that_changes_while_it_is_read_does_no_harm, .timeout = 300)
{
	struct interpreters list;
	unsigned rounds = (unsigned)tr_env("HD_NOISE", 10);
	interpreters_find(&list);
	for (unsigned i = 0; i < list.n; i++)
		noise_check(list.path[i], rounds);
}
