/* Runs one situation of a lock zoo program (tests/zoo/zoo.h), looks at its blocked thread from outside exactly as the
 * watchdog does, and compares what the classifier says with what the program says.  Used by the unit test and by the
 * runner for other C libraries. */
#ifndef TESTS_LIB_ZOO_RUN_H
#define TESTS_LIB_ZOO_RUN_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "hangdog/buf.h"
#include "hangdog/locks.h"
#include "hangdog/num.h"
#include "hangdog/procfs.h"
#include "hangdog/unwind.h"

#define ZOO_LIMIT_MS 15000

static const char *const zoo_kinds[] = {
#define X(c, json, words) [c] = #c,
	HD_LOCK_KINDS(X)
#undef X
};

struct zoo_run {
	pid_t pid;
	int out;
	char line[1024]; /* what the program says is to be found */
	struct hd_arena *arena;
	struct hd_unwinder *unwinder;
	struct hd_lock lock;
	struct hd_stack stack;
	struct hd_mem_live mem;
	uint64_t args[HD_ARGS], sp;
	struct hd_buf wrong; /* empty = all as expected */
};

/* Value of KEY=... in the line; false = not there. */
static bool zoo_key(const char *line, const char *key, char ret[256])
{
	size_t len = strlen(key);
	for (const char *p = line; (p = strstr(p, key)) != NULL; p += len) {
		if ((p == line || p[-1] == ' ') && p[len] == '=') {
			snprintf(ret, 256, "%.*s", (int)strcspn(p + len + 1, " \n"), p + len + 1);
			return true;
		}
	}
	return false;
}

static bool zoo_number(const char *line, const char *key, uint64_t *ret)
{
	char text[256];
	if (!zoo_key(line, key, text))
		return false;
	*ret = strtoull(text, NULL, 0);
	return true;
}

/* The program may be "INTERPRETER SCRIPT". */
static void zoo_start(struct zoo_run *run, const char *root, const char *program, const char *situation)
{
	int fds[2];
	char words[1024];
	snprintf(words, sizeof(words), "%s", program);
	char *script = strchr(words, ' ');
	if (script != NULL)
		*script++ = '\0';
	if (pipe(fds) < 0)
		abort();
	run->pid = fork();
	if (run->pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		if (root != NULL && (chroot(root) < 0 || chdir("/") < 0))
			_exit(126);
		if (script != NULL)
			execl(words, words, script, situation, (char *)NULL);
		else
			execl(words, words, situation, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	run->out = fds[0];
}

/* The program's line; false when it ended or said nothing in time. */
static bool zoo_listen(struct zoo_run *run)
{
	size_t len = 0;
	while (len < sizeof(run->line) - 1 && memchr(run->line, '\n', len) == NULL) {
		struct pollfd pfd = {.fd = run->out, .events = POLLIN};
		if (poll(&pfd, 1, ZOO_LIMIT_MS) <= 0)
			return false;
		ssize_t n = read(run->out, run->line + len, sizeof(run->line) - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
	}
	run->line[strcspn(run->line, "\n")] = '\0';
	return true;
}

/* Until the waiter sits in futex with the same arguments twice in a row. */
static bool zoo_wait_blocked(struct zoo_run *run, int32_t tid, uint64_t *ret_pc)
{
	char before[512] = "";
	for (int waited_ms = 0; waited_ms < ZOO_LIMIT_MS; waited_ms += 10) {
		char *text;
		size_t len;
		struct hd_arena *arena = hd_arena_new();
		uint64_t nr = 0;
		if (hd_procfs_text(arena, 4096, &text, &len, "/proc/%d/syscall", tid) == 0 &&
		    sscanf(text,
			   "%" SCNu64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64
			   " %" SCNx64 " %" SCNx64,
			   &nr, &run->args[0], &run->args[1], &run->args[2], &run->args[3], &run->args[4],
			   &run->args[5], &run->sp, ret_pc) == 9 &&
		    nr == 202 && strcmp(before, text) == 0) {
			hd_arena_free(arena);
			return true;
		}
		snprintf(before, sizeof(before), "%s", nr == 202 ? text : "");
		hd_arena_free(arena);
		nanosleep(&(struct timespec){.tv_nsec = 10 * HD_NS_PER_MS}, NULL);
	}
	return false;
}

static bool zoo_look(struct zoo_run *run)
{
	uint64_t tid = 0, pid = (uint64_t)run->pid, pc = 0;
	struct hd_maps maps = {0};
	if (!zoo_number(run->line, "waiter", &tid) || !zoo_wait_blocked(run, (int32_t)tid, &pc))
		return false;
	zoo_number(run->line, "pid", &pid);
	run->arena = hd_arena_new();
	run->unwinder = hd_unwinder_new();
	if (hd_procfs_maps((int32_t)pid, run->arena, &maps) < 0 || hd_mem_live_open(&run->mem, (int32_t)pid) < 0)
		return false;
	struct hd_unwind_query unwind = {
		.pid = (int32_t)pid, .maps = &maps, .mem = &run->mem.mem, .regs = {.sp = run->sp, .pc = pc}};
	hd_unwind(run->unwinder, &unwind, run->arena, &run->stack);
	struct hd_word word = {.addr = run->args[0], .expected = (uint32_t)run->args[2]};
	struct hd_lock_query query = {.word = &word,
				      .op = (uint32_t)run->args[1],
				      .sp = run->sp,
				      .stack = &run->stack,
				      .maps = &maps,
				      .tid = (int32_t)tid,
				      .ns_tid = (int32_t)tid,
				      .abi = HD_ABI_X86_64};
	hd_lock_classify(&run->mem.mem, &query, run->arena, &run->lock);
	return true;
}

static void zoo_compare_number(struct zoo_run *run, const char *key, uint64_t got)
{
	uint64_t want;
	if (zoo_number(run->line, key, &want) && want != got)
		hd_buf_printf(&run->wrong, "  %s is %#" PRIx64 ", not %#" PRIx64 "\n", key, got, want);
}

static void zoo_compare_text(struct zoo_run *run, const char *key, const char *got)
{
	char want[256];
	if (zoo_key(run->line, key, want) && (got == NULL || strcmp(want, got) != 0))
		hd_buf_printf(&run->wrong, "  %s is %s, not %s\n", key, got != NULL ? got : "nothing", want);
}

static void zoo_describe(struct zoo_run *run)
{
	hd_buf_printf(&run->wrong,
		      "  expected: %s\n  check failed: %s; futex %#" PRIx64 " op %#" PRIx64 " val %#" PRIx64
		      " sp %#" PRIx64 "\n",
		      run->line, run->lock.check_failed != NULL ? run->lock.check_failed : "none", run->args[0],
		      run->args[1], run->args[2], run->sp);
	for (uint32_t i = 0; i < run->stack.n && i < 12; i++) {
		const struct hd_frame *f = &run->stack.at[i];
		hd_buf_printf(&run->wrong, "    #%u %s, called as %s, in %s\n", i, f->symbol != NULL ? f->symbol : "-",
			      f->called_as != NULL ? f->called_as : "-", f->module != NULL ? f->module : "-");
	}
}

static void zoo_compare(struct zoo_run *run)
{
	const struct hd_lock *lock = &run->lock;
	uint64_t weak = 0, unknown = 0;
	zoo_number(run->line, "weak", &weak);
	zoo_number(run->line, "unknown", &unknown);
	if (unknown != 0 && lock->kind == HD_LOCK_UNKNOWN && lock->base == 0 && lock->owner_tid == 0)
		return;
	zoo_compare_text(run, "kind", zoo_kinds[lock->kind] + strlen("HD_LOCK_"));
	zoo_compare_number(run, "base", lock->base);
	zoo_compare_number(run, "owner", (uint64_t)lock->owner_tid);
	zoo_compare_number(run, "held", lock->is_held);
	zoo_compare_number(run, "releases", lock->owner_releases);
	zoo_compare_number(run, "recursive", lock->is_recursive);
	zoo_compare_number(run, "robust", lock->is_robust);
	zoo_compare_number(run, "pi", lock->is_pi);
	zoo_compare_number(run, "shared", lock->is_pshared);
	zoo_compare_number(run, "readers", lock->readers);
	zoo_compare_number(run, "mutex", lock->mutex);
	zoo_compare_text(run, "api", lock->api);
	zoo_compare_text(run, "family", lock->family);
	if (lock->confidence != HD_CONF_HIGH && weak == 0)
		hd_buf_printf(&run->wrong, "  not certain\n");
	uint64_t want_held;
	int32_t owner = 0;
	enum hd_tri held = hd_lock_is_held(&run->mem.mem, lock, &owner);
	if (zoo_number(run->line, "held", &want_held) && held != HD_UNKNOWN && (held == HD_YES) != (want_held != 0))
		hd_buf_printf(&run->wrong, "  read again, it is held: %d, not %d\n", held == HD_YES, want_held != 0);
	if (held == HD_YES && lock->kind != HD_LOCK_PYTHON)
		zoo_compare_number(run, "owner", (uint64_t)owner);
	if (run->wrong.len > 0)
		zoo_describe(run);
}

/* One situation: NULL text = as expected.  `ret_skipped`: the library has no such thing (exit status 77). */
static void zoo_situation(const char *root, const char *program, const char *situation, struct hd_buf *ret_wrong,
			  bool *ret_skipped)
{
	struct zoo_run run = {.mem.fd = -1};
	int status = 0;
	zoo_start(&run, root, program, situation);
	if (zoo_listen(&run)) {
		if (zoo_look(&run))
			zoo_compare(&run);
		else
			hd_buf_printf(&run.wrong, "  its thread never blocked in futex: %s\n", run.line);
	}
	kill(run.pid, SIGKILL);
	waitpid(run.pid, &status, 0);
	*ret_skipped = WIFEXITED(status) && WEXITSTATUS(status) == 77;
	if (run.line[0] == '\0' && !*ret_skipped)
		hd_buf_printf(&run.wrong, "  the program did not get there\n");
	hd_buf_str(ret_wrong, hd_buf_text(&run.wrong));
	hd_buf_release(&run.wrong);
	hd_mem_live_close(&run.mem);
	hd_unwinder_free(run.unwinder);
	hd_arena_free(run.arena);
	close(run.out);
}

struct zoo_result {
	unsigned right, wrong, skipped;
};

/* All situations of a program; what is wrong goes to `ret_wrong`, with the situation's name above it. */
static struct zoo_result zoo_program(const char *root, const char *program, struct hd_buf *ret_wrong)
{
	struct zoo_result result = {0};
	struct zoo_run list = {0};
	char names[8192] = "";
	size_t len = 0;
	ssize_t n;
	zoo_start(&list, root, program, "--list");
	while (len < sizeof(names) - 1 && (n = read(list.out, names + len, sizeof(names) - 1 - len)) > 0)
		len += (size_t)n;
	close(list.out);
	waitpid(list.pid, NULL, 0);
	for (char *save = NULL, *name = strtok_r(names, "\n", &save); name != NULL;
	     name = strtok_r(NULL, "\n", &save)) {
		HD_CLEAN_BUF struct hd_buf wrong = {0};
		bool skipped;
		zoo_situation(root, program, name, &wrong, &skipped);
		if (wrong.len > 0)
			hd_buf_printf(ret_wrong, "%s %s:\n%s", program, name, hd_buf_text(&wrong));
		result.skipped += skipped;
		result.wrong += wrong.len > 0;
		result.right += !skipped && wrong.len == 0;
	}
	return result;
}

#endif
